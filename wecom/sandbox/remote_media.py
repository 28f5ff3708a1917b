"""media/upload_by_url: WeCom fetches a file and says when it is done (messages-and-cards.md §3).

Only from this machine: a test double does not call strangers.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp

from .refusal import Refusal
from .urls import parts_of

if TYPE_CHECKING:
    from .corp import Corp
    from .media import MediaStore

JOB_LIFE = timedelta(minutes=60)
MOST = 200 * 1024 * 1024
FETCH_S = 30.0
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(slots=True, kw_only=True)
class RemoteJob:
    """``status`` 1 running, 2 done, 3 failed."""

    jobid: str
    kind: str
    filename: str
    url: str
    md5: str
    started_at: datetime
    status: int = 1
    errcode: int = 0
    media_id: str = ""
    ended_at: datetime | None = None


class RemoteUploads:
    """Jobs by id; ``fetch_waiting`` does them, the server's loop calls it."""

    def __init__(self, corp: Corp, media: MediaStore) -> None:
        self._corp = corp
        self._media = media
        self._jobs: dict[str, RemoteJob] = {}
        self._waiting: list[RemoteJob] = []
        self._fetching = asyncio.Lock()

    def start(self, *, kind: str, filename: str, url: str, md5: str) -> RemoteJob:
        """Begin a job; 830001 a URL that is none, or not on this machine."""
        parts = parts_of(url)
        if parts.scheme not in {"http", "https"} or parts.hostname not in LOCAL:
            raise Refusal(830001, "invalid url: the sandbox fetches from localhost only")
        job = RemoteJob(
            jobid=self._corp.ids.job(),
            kind=kind,
            filename=filename,
            url=url,
            md5=md5,
            started_at=self._corp.now,
        )
        self._jobs[job.jobid] = job
        self._waiting.append(job)
        return job

    def get(self, jobid: str) -> RemoteJob:
        """Return a job; 40058 unknown or older than 60 minutes."""
        job = self._jobs.get(jobid)
        if job is None or self._corp.now - job.started_at > JOB_LIFE:
            raise Refusal(40058, "invalid jobid")
        return job

    async def fetch_waiting(self) -> None:
        """Fetch what was asked for, one after the other, and call back for each."""
        async with self._fetching:
            while self._waiting:
                job = self._waiting.pop(0)
                job.errcode = await self._fetch(job)
                job.status, job.ended_at = (3 if job.errcode else 2), self._corp.now
                self._corp.emit("upload_media_job_finish", JobId=job.jobid)

    async def _fetch(self, job: RemoteJob) -> int:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        try:
            # WeCom asks for ranges; a server that answers with the whole file is refused (830002).
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(job.url, headers={"Range": f"bytes=0-{MOST}"}, allow_redirects=False) as answer,
            ):
                blob = await answer.content.read(MOST + 1)
                if answer.status != 206:
                    return 830002 if answer.status == 200 else 830003
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, asyncio.IncompleteReadError):
            return 830003
        if len(blob) > MOST:
            return 45001
        if hashlib.md5(blob, usedforsecurity=False).hexdigest() != job.md5.lower():
            return 301019
        try:
            job.media_id = self._media.keep_remote(job.kind, filename=job.filename, blob=blob).media_id
        except Refusal as refusal:
            return refusal.errcode
        return 0
