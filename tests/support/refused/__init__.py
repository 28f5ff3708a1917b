"""Documented refusals as tables: one row per method and errcode or limit, see ``refusal_stage.Case``."""

from tests.support.refused import (
    files,
    kf_accounts,
    kf_desk,
    kf_knowledge,
    kf_messages,
    kf_sessions,
    mass,
    messages,
    moments,
    statistics,
)

# What the sandbox enforces, and the client by itself.
ENFORCED = [
    *mass.CASES,
    *moments.CASES,
    *statistics.CASES,
    *messages.CASES,
    *files.CASES,
    *kf_desk.CASES,
    *kf_messages.CASES,
    *kf_sessions.CASES,
    *kf_accounts.CASES,
    *kf_knowledge.CASES,
]
