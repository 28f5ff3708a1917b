"""Who knows whom: mappings that are ordinary for what happened, and computed for a scene's population.

What was never changed is computed when asked for and forgotten again; what was changed, added or removed
is remembered and lies over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, ValuesView
from itertools import chain
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from .state import GroupMember

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from .population import KeptFollow, Population, Series
    from .state import Customer, Follow


class MemberFollows(MutableMapping[str, "Follow"]):
    """One member's relations by external_userid, each at a place that it keeps.

    A place is where a cursor can continue: a removed relation leaves its place empty, a new one gets a
    place at the end. So a listing neither skips nor repeats anybody while relations come and go.
    """

    def __init__(
        self, userid: str = "", population: Population | None = None, series: Series | None = None
    ) -> None:
        self._userid = userid
        self._population = population
        self._series = series
        self._computed = series.count if series else 0
        self._held: WeakValueDictionary[int, KeptFollow] = WeakValueDictionary()
        self._changed: dict[int, Follow] = {}  # computed places that are no longer as computed
        self._gone: set[int] = set()  # computed places whose relation was removed
        self._added: list[Follow | None] = []
        self._place_of_added: dict[str, int] = {}

    # -- places ---------------------------------------------------------------------------------------

    @property
    def places(self) -> int:
        """How many places there are, empty ones too."""
        return self._computed + len(self._added)

    def window(self, start: int, places: int) -> list[Follow]:
        """Return the relations at [start, start + places), which may be fewer. Costs what it returns."""
        return list(self._each(range(start, min(start + places, self.places))))

    def newest(self) -> Iterator[Follow]:
        """Return the relations from the last place to the first, one by one."""
        return self._each(reversed(range(self.places)))

    def _each(self, places: Iterable[int]) -> Iterator[Follow]:
        for place in places:
            follow = self._at(place)
            if follow is not None:
                yield follow

    def _at(self, place: int) -> Follow | None:
        if place >= self._computed:
            return self._added[place - self._computed]
        if place in self._gone:
            return None
        changed = self._changed.get(place)
        return changed if changed is not None else self._compute(place)

    def _compute(self, place: int) -> Follow:
        held = self._held.get(place)
        if held is not None:
            return held
        assert self._population is not None
        assert self._series is not None
        follow = self._population.follow(self._series.at(place), self._userid)
        object.__setattr__(follow, "_keep", self._keep)
        self._held[place] = follow
        return follow

    def _keep(self, follow: Follow) -> None:
        """Remember a computed relation from its first change on; one that was replaced stays replaced."""
        place = self._place(follow.external_userid)
        if place is not None and self._held.get(place) is follow:
            self._changed.setdefault(place, follow)

    def _place(self, external_userid: str) -> int | None:
        if self._series is not None and self._population is not None:
            number = self._population.number_of(external_userid)
            place = None if number is None else self._series.place_of(number)
            if place is not None and place not in self._gone:
                return place
        return self._place_of_added.get(external_userid)

    # -- the mapping ----------------------------------------------------------------------------------

    def __getitem__(self, external_userid: str) -> Follow:
        place = self._place(external_userid)
        follow = None if place is None else self._at(place)
        if follow is None:
            raise KeyError(external_userid)
        return follow

    def __contains__(self, external_userid: object) -> bool:
        return isinstance(external_userid, str) and self._place(external_userid) is not None

    def __setitem__(self, external_userid: str, follow: Follow) -> None:
        place = self._place(external_userid)
        if place is None:
            self._place_of_added[external_userid] = self.places
            self._added.append(follow)
        elif place >= self._computed:
            self._added[place - self._computed] = follow
        else:
            self._held.pop(place, None)
            self._changed[place] = follow

    def __delitem__(self, external_userid: str) -> None:
        place = self._place(external_userid)
        if place is None:
            raise KeyError(external_userid)
        if place >= self._computed:
            self._added[place - self._computed] = None
            del self._place_of_added[external_userid]
        else:
            self._gone.add(place)
            self._held.pop(place, None)
            self._changed.pop(place, None)

    def __iter__(self) -> Iterator[str]:
        for place in range(self.places):
            if place in self._gone:
                continue
            if place < self._computed and self._population is not None and self._series is not None:
                yield self._population.id_of(self._series.at(place))
            elif (follow := self._added[place - self._computed]) is not None:
                yield follow.external_userid

    def __len__(self) -> int:
        return self._computed - len(self._gone) + len(self._place_of_added)

    def values(self) -> ValuesView[Follow]:
        return _Values(self)

    # -- many at once ---------------------------------------------------------------------------------

    def confirmed_ids(self) -> list[str]:
        """Return the customers whose addition is confirmed."""
        half = {follow.external_userid for follow in self._remembered() if follow.half}
        return [external_userid for external_userid in self if external_userid not in half]

    def tagged(self, lists: Collection[Collection[str]]) -> Iterator[Follow]:
        """Return the relations that carry a tag of every list; all of them when there is no list."""
        wanted = [set(tags) for tags in lists]
        for place in range(self.places):
            if not self._may_fit(place, wanted):
                continue
            follow = self._at(place)
            if follow is not None and all(tags.intersection(follow.tags) for tags in wanted):
                yield follow

    def _may_fit(self, place: int, wanted: list[set[str]]) -> bool:
        """Tell from its tags alone whether a computed relation can fit: far cheaper than computing it."""
        if not wanted or place >= self._computed or place in self._changed:
            return True
        assert self._population is not None
        assert self._series is not None
        tags = self._population.tags_of(self._series.at(place), self._userid)
        return all(wanted_tags.intersection(tags) for wanted_tags in wanted)

    def moved(self, start: datetime, end: datetime) -> Iterator[Follow]:
        """Return the relations that can have begun or ended in [start, end), and all that were changed.

        What is left out was computed, is as it was, and of another time. Costs far less than ``values``.
        """
        if self._series is not None and self._population is not None:
            for place in range(self._computed):
                if place in self._gone or place in self._changed:
                    continue
                if self._population.may_have_moved(self._series.at(place), self._userid, start, end):
                    yield self._compute(place)
        yield from self._remembered()

    def forget_tags(self, doomed: set[str]) -> None:
        """Take deleted tags from every relation, computed ones included."""
        if self._population is not None:
            self._population.gone_tags |= doomed
        for follow in (*self._remembered(), *list(self._held.values())):
            if doomed.intersection(follow.tags):
                follow.tags = [tag_id for tag_id in follow.tags if tag_id not in doomed]

    def _remembered(self) -> Iterator[Follow]:
        yield from list(self._changed.values())
        yield from (follow for follow in self._added if follow is not None)


class _Values(ValuesView["Follow"]):
    """Walks places, not ids: computing an id only to look it up would double the work."""

    def __init__(self, book: MemberFollows) -> None:
        super().__init__(book)
        self._book = book

    def __iter__(self) -> Iterator[Follow]:
        return self._book._each(range(self._book.places))  # noqa: SLF001 - a view belongs to its mapping


class CustomerFollows(Mapping[str, "dict[str, Follow]"]):
    """Each customer's relations by userid, read from the members' books."""

    def __init__(self, books: Mapping[str, MemberFollows], population: Population) -> None:
        self._books = books
        self._population = population
        self._added: dict[str, dict[str, None]] = {}  # who follows besides those the population says

    def __getitem__(self, external_userid: str) -> dict[str, Follow]:
        """Return who follows a customer, in the order they met."""
        number = self._population.number_of(external_userid)
        userids = [] if number is None else self._population.followers(number)
        found = {}
        for userid in (*userids, *self._added.get(external_userid, ())):
            follow = self._books[userid].get(external_userid)
            if follow is not None:
                found[userid] = follow
        if not found:
            raise KeyError(external_userid)
        return found

    def __iter__(self) -> Iterator[str]:
        everybody = map(self._population.id_of, range(self._population.total))
        later = (one for one in self._added if self._population.number_of(one) is None)
        return (one for one in chain(everybody, later) if one in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, follow: Follow) -> None:
        """Note that a member follows a customer; the relation itself is in the member's book."""
        self._added.setdefault(follow.external_userid, {})[follow.userid] = None


class Customers(MutableMapping[str, "Customer"]):
    """Customers by external_userid: those of a population, then those who came since."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._own: dict[str, Customer] = {}
        self._gone: set[int] = set()

    def __getitem__(self, external_userid: str) -> Customer:
        own = self._own.get(external_userid)
        if own is not None:
            return own
        number = self._population.number_of(external_userid)
        if number is None or number in self._gone:
            raise KeyError(external_userid)
        return self._population.customer(number)

    def __setitem__(self, external_userid: str, customer: Customer) -> None:
        number = self._population.number_of(external_userid)
        if number is not None:
            self._gone.add(number)
        self._own[external_userid] = customer

    def __delitem__(self, external_userid: str) -> None:
        if external_userid in self._own:
            del self._own[external_userid]
            return
        number = self._population.number_of(external_userid)
        if number is None or number in self._gone:
            raise KeyError(external_userid)
        self._gone.add(number)

    def __iter__(self) -> Iterator[str]:
        for number in range(self._population.total):
            if number not in self._gone:
                yield self._population.id_of(number)
        yield from list(self._own)

    def __len__(self) -> int:
        return self._population.total - len(self._gone) + len(self._own)

    def named(self, wanted: str) -> Iterator[str]:
        """Return the ids of customers whose name holds a text: those who came since first, one by one.

        Looking at 300 000 computed names takes about half a second.
        """
        yield from (one for one, customer in list(self._own.items()) if wanted in customer.name.casefold())
        for number in range(self._population.total):
            if wanted in self._population.name_of(number).casefold() and number not in self._gone:
                yield self._population.id_of(number)


class GroupSeats(MutableMapping[str, GroupMember]):
    """Who sits in a customer group; the patients among them are computed when somebody looks.

    Args:
        staff: seats that are there from the start.
        patients: which patients sit there.
        seat: makes the seat of a patient's number.
    """

    def __init__(
        self,
        staff: dict[str, GroupMember],
        *,
        population: Population,
        patients: Series,
        seat: Callable[[int], GroupMember],
    ) -> None:
        self._seats = staff
        self._population = population
        self._patients: Series | None = patients
        self._seat = seat

    def _filled(self) -> dict[str, GroupMember]:
        if self._patients is not None:
            series, self._patients = self._patients, None
            for place in range(series.count):
                seat = self._seat(series.at(place))
                self._seats[seat.userid] = seat
        return self._seats

    def __contains__(self, person: object) -> bool:
        if person in self._seats or self._patients is None or not isinstance(person, str):
            return person in self._seats
        number = self._population.number_of(person)
        return number is not None and self._patients.place_of(number) is not None

    def __len__(self) -> int:
        return len(self._seats) + (self._patients.count if self._patients else 0)

    def __iter__(self) -> Iterator[str]:
        return iter(self._filled())

    def __getitem__(self, person: str) -> GroupMember:
        return self._filled()[person]

    def __setitem__(self, person: str, seat: GroupMember) -> None:
        self._filled()[person] = seat

    def __delitem__(self, person: str) -> None:
        del self._filled()[person]
