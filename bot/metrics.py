"""What operators watch. Labels hold kinds and outcomes, never a person or an id."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from wecom.errors import Unlisted

log = structlog.get_logger(__name__)

_FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """The metrics of one app; two apps in one process share nothing."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.callbacks = self._counter("xiaohu_callbacks", "Callbacks received, by outcome.", "outcome")
        self.callback_seconds = Histogram(
            "xiaohu_callback_seconds", "Time to answer a callback.", registry=self.registry, buckets=_FAST
        )
        self.handled = self._counter("xiaohu_inbox_handled", "Events handled.", "kind", "outcome")
        self.delivered = self._counter("xiaohu_outbox_delivered", "Effects by outcome.", "kind", "state")
        self.calls = self._counter("xiaohu_wecom_calls", "Calls to WeCom.", "api", "outcome")
        self.call_seconds = Histogram(
            "xiaohu_wecom_call_seconds", "Duration of calls to WeCom.", ["api"], registry=self.registry
        )
        self.alarms = self._counter("xiaohu_alarms", "What a person should look at.", "name")
        self.call_waits = Histogram(
            "xiaohu_wecom_call_wait_seconds",
            "Time calls waited for their turn under WeCom's rates.",
            ["api"],
            registry=self.registry,
        )
        self.calls_waiting = Gauge(
            "xiaohu_wecom_calls_waiting", "Calls that wait for their turn.", ["api"], registry=self.registry
        )
        self.inbox_rows = Gauge("xiaohu_inbox_rows", "Inbox rows.", ["state"], registry=self.registry)
        self.outbox_rows = Gauge("xiaohu_outbox_rows", "Outbox rows.", ["state"], registry=self.registry)
        self.personas_vacant = Gauge(
            "xiaohu_personas_vacant", "Personas without a member who can post.", registry=self.registry
        )
        self.ticks = self._counter("xiaohu_ticks", "Clockwork runs.", "job", "outcome")

    def on_call(self, api: str, outcome: str, seconds: float, /) -> None:
        """Count one call to WeCom (the client's hook)."""
        self.calls.labels(api, outcome).inc()
        self.call_seconds.labels(api).observe(seconds)
        if outcome == Unlisted.outcome:
            self.alarms.labels("wecom.unlisted").inc()
            log.error("wecom.unlisted", api=api)

    def on_wait(self, api: str, waiting: int, seconds: float, /) -> None:
        """Note that a wait for an API's turn began (no seconds yet) or ended (the budgets' hook)."""
        self.calls_waiting.labels(api).set(waiting)
        if seconds > 0:
            self.call_waits.labels(api).observe(seconds)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)
