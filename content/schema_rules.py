"""rules.yaml as staff write it: what follows from what happens, and from what is."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from content.schema import TREATMENT, AgeModel, Key, Keys, Line, Strict, TagPaths, one_or_many

RuleKind = Literal[
    "added",
    "half_added",
    "returned",
    "lost",
    "group_joined",
    "group_left",
    "keyword",
    "survey",
    "visit",
    "tags_changed",
]
VisitStatus = Literal["booked", "arrived", "done", "no_show", "cancelled"]
RuleStage = Literal["consulted", "booked", "visited", "closed", "treating", "member", "referring", "dormant"]

# What a rule may ask about a happening, and of which happenings it can be asked.
ASKED_OF: dict[str, tuple[RuleKind, ...]] = {
    "channel": ("added", "half_added", "returned"),
    "welcome": ("added", "half_added", "returned"),
    "variant": ("added", "half_added", "returned"),
    "group": ("group_joined", "group_left"),
    "keyword": ("keyword",),
    "survey": ("survey",),
    "answers": ("survey",),
    "visit": ("visit",),
    "treatment": ("visit",),
}

Treatments = Annotated[
    list[Annotated[str, Field(pattern=TREATMENT, max_length=64)]],
    one_or_many(str),
    Field(description="treatments.yaml 里的 key；implant.* 连同它的各个步骤"),
]
States = Annotated[list[str], one_or_many(str)]
Count = Annotated[int, Field(ge=1, le=100_000)]


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Answers = Annotated[list[str], BeforeValidator(_listed, json_schema_input_type=list[str] | str | int)]


class SpentModel(Strict):
    from_: int = Field(default=0, alias="from", ge=0, description="累计消费满多少元")
    below: int | None = Field(default=None, ge=1, description="不到多少元")

    @model_validator(mode="after")
    def somebody_spent_that(self) -> Self:
        if self.below is not None and self.below <= self.from_:
            raise ValueError("没有人的消费在这个范围里；below 要大于 from")
        return self


class HeldModel(Strict):
    age: AgeModel | None = None
    treated: Treatments = Field(default=[], description="做过其中一项")
    not_treated: Treatments = Field(default=[], description="这些都没有做过")
    tags: TagPaths = Field(default=[], description="这些标签都有")
    not_tags: TagPaths = Field(default=[], description="这些标签都没有")
    stage: Annotated[list[RuleStage | Literal["added", "lost"]], one_or_many(str)] = Field(
        default=[], description="处在其中一个阶段"
    )
    spent: SpentModel | None = Field(default=None, description="到店消费累计，单位元")
    visits: Count | None = Field(default=None, description="到店至少几次")
    referred: Count | None = Field(default=None, description="至少介绍来几位")
    inactive_days: Annotated[int, Field(ge=7, le=3650)] | None = Field(
        default=None, description="多少天没有到店，也没有联系"
    )

    @model_validator(mode="after")
    def asks_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("while 里没有条件；写上 age、treated 等至少一个条件")
        return self


class HandOffModel(Strict):
    to: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], one_or_many(str)] = Field(
        min_length=1,
        description="交给谁：member（她加的那位）、assistant、doctor、manager，或成员的 userid（多位轮流）",
    )
    title: Annotated[str, Field(min_length=1, max_length=40)]
    body: Annotated[str, Field(max_length=200)] = ""
    within_hours: int = Field(default=24, ge=1, le=24 * 14)


class RuleModel(Strict):
    key: Key
    reason: Annotated[Line, Field(max_length=60, description="给同事看的一句话：为什么")]
    on: Annotated[list[RuleKind], one_or_many(str)] = Field(default=[], description="发生了什么")
    channel: States = Field(default=[])
    welcome: Keys = Field(default=[])
    variant: Keys = Field(default=[])
    group: Keys = Field(default=[], description="群角色")
    keyword: Keys = Field(default=[])
    survey: Keys = Field(default=[])
    answers: dict[str, Answers] = Field(default={}, description="问题: [算数的回答]")
    visit: Annotated[list[VisitStatus], one_or_many(str)] = Field(default=[])
    treatment: Treatments = Field(default=[])
    held: HeldModel | None = Field(default=None, alias="while", description="一直成立的条件")
    add: TagPaths = Field(default=[])
    remove: TagPaths = Field(default=[])
    expires_days: int | None = Field(default=None, ge=1, le=3650, description="加上的标签多少天后去掉")
    stage: RuleStage | None = None
    hand_off: HandOffModel | None = None
    start: Keys = Field(default=[], description="开始哪些旅程")
    stop: Keys = Field(default=[], description="停掉哪些旅程")

    @model_validator(mode="after")
    def waits_for_one_thing(self) -> Self:
        if bool(self.on) == (self.held is not None):
            raise ValueError("on 和 while 要写一个且只写一个；on 是发生了什么，while 是一直成立的条件")
        return self

    @model_validator(mode="after")
    def asks_what_can_be_answered(self) -> Self:
        for name, kinds in ASKED_OF.items():
            if name in self.model_fields_set and not set(self.on) & set(kinds):
                raise ValueError(f"{name} 只能和 on: {' 或 '.join(kinds)} 一起写；改 on 或删掉 {name}")
        return self

    @model_validator(mode="after")
    def has_a_consequence(self) -> Self:
        if not (self.add or self.remove or self.stage or self.hand_off or self.start or self.stop):
            raise ValueError("这条规则什么也不做；写上 add、remove、stage、hand_off、start 或 stop")
        return self

    @model_validator(mode="after")
    def lets_go_of_what_it_gave(self) -> Self:
        if self.expires_days is not None and (self.held is not None or not self.add):
            raise ValueError(
                "expires_days 只用于 on 规则加上的标签；while 的条件不成立时标签自己会去掉，删掉 expires_days"
            )
        return self

    @model_validator(mode="after")
    def tells_somebody_once(self) -> Self:
        if self.held is not None and (self.start or self.stop or self.hand_off) and self.stage is None:
            raise ValueError("while 规则里的 hand_off、start、stop 要和 stage 一起写；到了那个阶段才交接一次")
        return self


class RulesFile(Strict):
    """rules.yaml"""

    rules: list[RuleModel]
