"""A simulated WeCom corp, as strict as WeCom: its API, its callbacks, its people and their phones.

Start one with ``running_sandbox``; ``tenant`` is the corp as a Python object, README.md beside this file
describes the HTTP that tests and phone pages use.
"""

from .people import Mistake
from .rules import Rules
from .server import DEFAULT_CALLBACK_URL, Sandbox, create_sandbox_app, running_sandbox
from .tenant import Tenant

__all__ = [
    "DEFAULT_CALLBACK_URL",
    "Mistake",
    "Rules",
    "Sandbox",
    "Tenant",
    "create_sandbox_app",
    "running_sandbox",
]
