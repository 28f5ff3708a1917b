"""Customer moments (客户朋友圈): a job makes a moment, members publish it, patients see and like it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .people import Mistake
from .refusal import Refusal
from .rules import CHINA, JOB_LIFE
from .state import Follow, Json, Moment, Publication

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .corp import Corp


class Moments:
    """Moments by id, and the jobs that make them."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._jobs: dict[str, Moment] = {}
        self._moments: dict[str, Moment] = {}
        self._unannounced: list[
            Moment
        ] = []  # looked at around every request: those that are over must not be

    # -- the API's side -----------------------------------------------------------------------------

    def start(
        self,
        *,
        text: str,
        attachments: Sequence[Json],
        users: Sequence[str],
        departments: Sequence[int],
        tags: Sequence[str],
        known_tags: set[str],
        ranged: bool,
    ) -> Moment:
        """Start the job that makes a moment for members (mass-send-and-moments.md §3.1).

        ``ranged``: the caller named senders. Members who do not exist, are not visible or cannot
        serve customers, and unknown tags, end in the job's invalid lists; with nobody left the job
        ends with an errcode and no moment.

        Raises:
            Refusal: 41078 too many jobs are running.
        """
        now = self._corp.now
        running = sum(job.ready_at > now for job in self._jobs.values())
        if running >= self._corp.rules.moment_jobs_running:
            raise Refusal(41078)
        serving = {member.userid for member in self._corp.serving_members()}
        bad_departments = [d for d in departments if d not in self._corp.departments]
        good_tags = [tag for tag in tags if tag in known_tags]
        named = [u for u in users if u in serving] + [
            member.userid
            for department in departments
            for member in self._corp.members_of_department(department)
            if member.userid in serving
        ]
        candidates = list(dict.fromkeys(named)) if ranged else sorted(serving)
        if tags:
            # With no tag left nobody is meant, and nobody need be looked at.
            candidates = [u for u in candidates if good_tags and any(self._audience(u, good_tags))]
        moment = Moment(
            jobid=self._corp.ids.job(),
            moment_id=self._corp.ids.moment(),
            text=text,
            attachments=list(attachments),
            created_at=now,
            ready_at=now + timedelta(seconds=self._corp.rules.moment_job_s),
            senders=candidates,
            tag_list=good_tags,
            public=not tags,
            invalid_users=[u for u in users if u not in serving],
            invalid_departments=bad_departments,
            invalid_tags=[tag for tag in tags if tag not in known_tags],
            errcode=0 if candidates else 60011,
        )
        self._jobs[moment.jobid] = moment
        if candidates:
            self._moments[moment.moment_id] = moment
            self._unannounced.append(moment)
        return moment

    def _audience(self, userid: str, tags: Sequence[str]) -> Iterator[Follow]:
        """Return a member's customers who carry one of the tags; all of them when none is asked for."""
        book = self._corp.follows_of_member.get(userid)
        if book is not None:
            yield from (follow for follow in book.tagged([tags] if tags else []) if not follow.half)

    def job(self, jobid: str) -> Moment:
        """Return a job; its id answers for 24 hours (40058 afterwards, and for unknown ones)."""
        job = self._jobs.get(jobid)
        if job is None or self._corp.now - job.created_at > JOB_LIFE:
            raise Refusal(40058, "invalid jobid")
        return job

    def job_status(self, job: Moment) -> int:
        """Return 1 started, 2 running (the second half of the time it takes), 3 finished."""
        if self._corp.now >= job.ready_at:
            return 3
        half = job.created_at + (job.ready_at - job.created_at) / 2
        return 2 if self._corp.now >= half else 1

    def settle(self) -> None:
        """Announce moments whose job has ended since the last look: members get a notice."""
        if not self._unannounced:
            return
        now = self._corp.now
        due = [moment for moment in self._unannounced if moment.ready_at <= now]
        self._unannounced = [moment for moment in self._unannounced if moment.ready_at > now]
        for moment in due:
            for userid in moment.senders:
                self._corp.notify(userid, "企业下发了新的朋友圈，请前往发表。", ref=moment.moment_id)
            self._corp.changed("moment.created", members=list(moment.senders))

    def next_due(self) -> datetime | None:
        """Return when the next running job ends, or None."""
        return min((moment.ready_at for moment in self._unannounced), default=None)

    def get(self, moment_id: str) -> Moment:
        """Return a moment; 41059 no id given, 41060 no such moment (yet)."""
        if not moment_id:
            raise Refusal(41059)
        moment = self._moments.get(moment_id)
        if moment is None or self._corp.now < moment.ready_at:
            raise Refusal(41060)
        return moment

    def dispatched(self, moment_id: str) -> Moment:
        """Return a moment that has reached its members; 41079 while it has not."""
        moment = self.get(moment_id)
        if self._corp.now < moment.ready_at + timedelta(seconds=self._corp.rules.moment_dispatch_s):
            raise Refusal(41079)
        return moment

    def publication(self, moment_id: str, userid: str) -> Publication:
        """Return what a member published; 41061 not this member's moment, 41062 not published yet."""
        moment = self.dispatched(moment_id)
        if userid not in moment.senders:
            raise Refusal(41061)
        publication = moment.publications.get(userid)
        if publication is None:
            raise Refusal(41062)
        return publication

    def cancel(self, moment_id: str) -> None:
        """Stop members who have not published; what is published stays. Again is as good as once."""
        moment = self.dispatched(moment_id)
        moment.cancelled_at = moment.cancelled_at or self._corp.now
        self._corp.changed("moment.cancelled", members=list(moment.senders))

    def listed(
        self, start: datetime, end: datetime, *, creator: str = "", personal: bool | None = None
    ) -> list[Moment]:
        """Return moments created in [start, end], newest first, as far as WeCom's list has caught up.

        ``personal``: True for members' own, False for the corp's, None for both. ``creator``: of one member.
        """
        seen = self._corp.now - timedelta(seconds=self._corp.rules.list_lag_s)
        ready = (m for m in self._moments.values() if m.ready_at <= self._corp.now)
        return sorted(
            (
                m
                for m in ready
                if start <= m.created_at <= min(end, seen)
                and (personal is None or bool(m.creator) == personal)
                and (not creator or m.creator == creator)
            ),
            key=lambda moment: moment.created_at,
            reverse=True,
        )

    # -- the phones' side ---------------------------------------------------------------------------

    def of_member(self, userid: str) -> list[Moment]:
        """Return the moments a member was asked to publish and whose job has ended, newest first."""
        ready = [m for m in self._moments.values() if m.ready_at <= self._corp.now]
        return [moment for moment in reversed(ready) if userid in moment.senders]

    def publish(self, userid: str, moment_id: str) -> Publication:
        """Let a member tap publish, once. Customers in range see it unless they left or are capped."""
        moment = self._moments.get(moment_id)
        if moment is None or userid not in moment.senders or self._corp.now < moment.ready_at:
            raise Mistake(f"{userid} has no moment {moment_id!r} to publish")
        if moment.cancelled_at is not None:
            raise Mistake("the moment was cancelled")
        if userid in moment.publications:
            raise Mistake("the moment was published already")
        return self._publish(moment, userid)

    def _publish(self, moment: Moment, userid: str) -> Publication:
        audience = list(self._audience(userid, moment.tag_list))
        publication = Publication(
            published_at=self._corp.now,
            customers=[f.external_userid for f in audience],
            delivered=dict.fromkeys(
                f.external_userid for f in audience if f.lost_at is None and self._has_room(f)
            ),
        )
        moment.publications[userid] = publication
        self._corp.changed("moment.published", members=[userid], patients=list(publication.delivered))
        return publication

    def post_personal(self, userid: str, text: str, *, tags: Sequence[str] = ()) -> Moment:
        """Let a member post a moment of their own, for all their patients or those with a tag."""
        if userid not in self._corp.members:
            raise Mistake(f"no member has the userid {userid!r}")
        moment = Moment(
            jobid="",
            moment_id=self._corp.ids.moment(),
            text=text,
            attachments=[],
            created_at=self._corp.now,
            ready_at=self._corp.now,
            senders=[userid],
            tag_list=list(tags),
            public=not tags,
            creator=userid,
        )
        self._moments[moment.moment_id] = moment
        self._publish(moment, userid)
        return moment

    def _has_room(self, follow: Follow) -> bool:
        rules = self._corp.rules
        if rules.moment_cap_per_day is None and rules.moment_cap_per_month is None:
            return True
        today = self._corp.now.astimezone(CHINA)
        seen = [p.published_at.astimezone(CHINA) for _, _, p in self.feed_of(follow.external_userid)]
        this_day = sum(at.date() == today.date() for at in seen)
        this_month = sum((at.year, at.month) == (today.year, today.month) for at in seen)
        return (rules.moment_cap_per_day is None or this_day < rules.moment_cap_per_day) and (
            rules.moment_cap_per_month is None or this_month < rules.moment_cap_per_month
        )

    def feed_of(self, external_userid: str) -> list[tuple[Moment, str, Publication]]:
        """Return what a patient sees in 朋友圈: (moment, member, publication), newest first."""
        seen = [
            (moment, userid, publication)
            for moment in self._moments.values()
            for userid, publication in moment.publications.items()
            if external_userid in publication.delivered
        ]
        return sorted(seen, key=lambda item: item[2].published_at, reverse=True)

    def _seen(self, external_userid: str, moment_id: str, userid: str) -> Publication:
        moment = self._moments.get(moment_id)
        publication = moment.publications.get(userid) if moment else None
        if publication is None or external_userid not in publication.delivered:
            raise Mistake(f"{external_userid} does not see moment {moment_id!r} of {userid!r}")
        return publication

    def like(self, external_userid: str, moment_id: str, userid: str, *, liked: bool = True) -> None:
        """Let a patient like what a member published, or take it back."""
        publication = self._seen(external_userid, moment_id, userid)
        if liked:
            publication.likes.setdefault(external_userid, self._corp.now)
        else:
            publication.likes.pop(external_userid, None)
        self._corp.changed("moment.liked", members=[userid], patients=[external_userid])

    def comment(self, external_userid: str, moment_id: str, userid: str, text: str) -> None:
        """Let a patient comment; the API tells who and when, never what."""
        publication = self._seen(external_userid, moment_id, userid)
        publication.comments.append((external_userid, self._corp.now, text))
        self._corp.changed("moment.commented", members=[userid], patients=[external_userid])
