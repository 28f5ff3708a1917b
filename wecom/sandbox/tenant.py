"""The simulated corp as one Python object: WeCom's rules, without HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .acquisition import AcquisitionLinks
from .clock import SandboxClock
from .corp import Corp
from .faults import Faults
from .groups import Groups
from .identity import Identity
from .ids import Credentials, Ids, credentials_for
from .intercepts import InterceptRules
from .journal import Journal
from .kf import CustomerService
from .kf_desk import KfDesk
from .knowledge import KnowledgeBase
from .limits import RateLimits
from .mass import MassSends
from .media import MediaStore
from .messages import Messages
from .moments import Moments
from .people import Mistake, People
from .population import MOST_PATIENTS
from .remote_media import RemoteUploads
from .rules import Rules
from .scenes import SCENES
from .tags import Tags
from .templates import GroupTemplates
from .tokens import Tokens
from .transfers import Transfers
from .ways import ContactWays, JoinWays

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from .events import CallbackEvent
    from .state import Customer, WelcomeCode


class Tenant:
    """A corp with its members, patients, groups, tasks and rules.

    Attributes are its parts (``people``, ``groups``, ``tags``, ``mass``, ``moments``, ``messages``,
    ``media``, ``ways``, ``tokens``), its records (``corp``), and what tests turn: ``rules``, ``clock``,
    ``faults``, ``journal``. All of it is synchronous and single-threaded: call it from the loop that
    serves it.

    Args:
        scene: a name of ``wecom.sandbox.scenes.SCENES``.
        seed: gives ids and credentials; the same seed and actions give the same ids.
        now: an outside clock (aware UTC); the wall clock when left out.
        rules: what is particular to this corp.
        patients: how many a scene with computed patients has (``chain``, 300 000 when left out).

    Raises:
        Mistake: no scene has that name, or ``patients`` is out of range.
    """

    corp: Corp
    tokens: Tokens
    limits: RateLimits
    people: People
    groups: Groups
    tags: Tags
    mass: MassSends
    moments: Moments
    messages: Messages
    media: MediaStore
    ways: ContactWays
    joins: JoinWays
    links: AcquisitionLinks
    templates: GroupTemplates
    transfers: Transfers
    kf: CustomerService
    desk: KfDesk
    knowledge: KnowledgeBase
    identity: Identity
    intercepts: InterceptRules
    remote: RemoteUploads
    journal: Journal
    faults: Faults

    def __init__(
        self,
        *,
        scene: str = "small",
        seed: int | str = 1,
        now: Callable[[], datetime] | None = None,
        rules: Rules | None = None,
        patients: int | None = None,
    ) -> None:
        self.patients = patients
        self.credentials: Credentials = credentials_for(seed)
        self.rules = rules or Rules()
        self.clock = SandboxClock(now)
        self._event_wires: list[Callable[[CallbackEvent], None]] = []
        self._change_wires: list[Callable[[str, dict[str, list[str]]], None]] = []
        self.scene = scene
        self.seed = seed
        self.reset()

    def reset(
        self, *, scene: str | None = None, seed: int | str | None = None, patients: int | None = None
    ) -> None:
        """Begin again with a scene: everything is forgotten but the credentials, rules and the clock.

        What is left out stays as it was, also how many ``patients`` a computed scene has.

        Raises:
            Mistake: no scene has that name, or ``patients`` is out of range.
        """
        scene = scene or self.scene
        if scene not in SCENES:
            raise Mistake(f"no scene {scene!r}; there are {', '.join(sorted(SCENES))}")
        patients = self.patients if patients is None else patients
        if patients is not None and not 0 <= patients <= MOST_PATIENTS:
            raise Mistake(f"a scene has 0 to {MOST_PATIENTS} patients, not {patients}")
        self.patients = patients
        self.scene = scene
        self.seed = self.seed if seed is None else seed
        ids = Ids(self.seed)
        self.corp = Corp(
            credentials=self.credentials,
            clock=self.clock,
            ids=ids,
            rules=self.rules,
            emit_event=self._emit,
            changed=self._changed,
        )
        self.tokens = Tokens(self.credentials, self.clock, ids)
        self.limits = RateLimits(self.clock, self.rules)
        self.people = People(self.corp)
        self.groups = Groups(self.corp)
        self.tags = Tags(self.corp)
        self.mass = MassSends(self.corp)
        self.moments = Moments(self.corp)
        self.messages = Messages(self.corp)
        self.media = MediaStore(self.corp)
        self.ways = ContactWays(self.corp)
        self.joins = JoinWays(self.corp, self.groups, self.ways)
        self.links = AcquisitionLinks(self.corp, self.people)
        self.templates = GroupTemplates(self.corp)
        self.groups.greet = self.templates.greet
        self.transfers = Transfers(self.corp, self.people)
        self.kf = CustomerService(self.corp)
        self.desk = KfDesk(self.corp, self.kf)
        self.knowledge = KnowledgeBase(self.corp)
        self.identity = Identity(self.corp)
        self.intercepts = InterceptRules(self.corp)
        self.remote = RemoteUploads(self.corp, self.media)
        self.journal = Journal()
        self.faults = Faults(self.seed)
        SCENES[scene](self)
        self._changed("reset")

    # -- wires out ----------------------------------------------------------------------------------

    def on_event(self, wire: Callable[[CallbackEvent], None]) -> None:
        """Call ``wire`` with every callback event from now on."""
        self._event_wires.append(wire)

    def on_change(self, wire: Callable[[str, dict[str, list[str]]], None]) -> None:
        """Call ``wire(what, who)`` whenever a phone would look different."""
        self._change_wires.append(wire)

    def _emit(self, event: CallbackEvent) -> None:
        for wire in self._event_wires:
            wire(event)

    def _changed(self, what: str, **who: Sequence[str]) -> None:
        named = {kind: list(ids) for kind, ids in who.items() if ids}
        for wire in self._change_wires:
            wire(what, named)

    # -- time ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let happen what is due by now (moment jobs that end). Cheap; called around every request."""
        self.moments.settle()
        self.transfers.settle()

    def advance(self, seconds: float) -> datetime:
        """Move the tenant's time forward; tokens, codes and media age, jobs end."""
        try:
            now = self.clock.advance(timedelta(seconds=seconds))
        except (ValueError, OverflowError) as exc:
            raise Mistake(str(exc)) from None
        self.settle()
        self._changed("clock")
        return now

    # -- the two things every test does -------------------------------------------------------------

    def patient_scans(
        self,
        userid: str | None = None,
        *,
        state: str = "",
        name: str = "新朋友",
        external_userid: str | None = None,
        config_id: str | None = None,
        add_way: int = 1,
        half: bool = False,
    ) -> tuple[Customer, WelcomeCode | None]:
        """Let a patient, new unless an id is given, add a member: by userid and state, or by a code.

        Raises:
            Mistake: neither member nor code named, unknown ids, or in touch already.
        """
        if config_id is not None:
            userid, state = self.ways.scan(config_id)
        if userid is None or userid not in self.corp.members:
            raise Mistake(f"no member has the userid {userid!r}")
        if external_userid is None:
            patient = self.people.create_patient(name)
        else:
            patient = self.people.patient(external_userid)
        code = self.people.patient_adds_member(
            patient.external_userid, userid, state=state, add_way=add_way, half=half
        )
        return patient, code
