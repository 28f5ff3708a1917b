"""WeCom's APIs, grouped as WeCom groups them. Each group is reached through ``wecom.client.WeComClient``.

Every method raises ``WeComError`` and, for input beyond WeCom's limits, ``ValueError`` before anything is
sent. A method whose endpoint ``creates`` something may raise ``OutcomeUnknown``; all others may simply be
called again.
"""
