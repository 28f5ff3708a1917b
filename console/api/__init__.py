"""The JSON API ``/api/v1`` for other programs, described by itself at ``/api/openapi.json``."""

from console.api.routes import setup_api

__all__ = ["setup_api"]
