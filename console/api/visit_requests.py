"""What the clinic's own system tells the API: visits and filled-in surveys, one or many."""

from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from clinic import surveys
from clinic.benefits import MOST_USES
from clinic.identity import NotAPhone, canonical_phone
from clinic.imports.cells import MAX_FEN
from clinic.visits import SOURCE, VisitStatus
from clinic.whose import PersonRef
from console.api.fields import Birthday, CommaSeparated, Day, Instant, Moment, Plain, no_control
from console.api.patient_requests import ExternalUserid
from console.api.requests import Body, Parameters

MANY: Final = 500
BODY_BYTES: Final = 4 * 1024 * 1024  # so many visits with long notes
TICKS: Final = 50
PAGE: Final = 100
PAGE_MAX: Final = 500


def _phone(value: str) -> str:
    try:
        return canonical_phone(value)
    except NotAPhone as exc:
        raise PydanticCustomError("phone", "{said}", {"said": str(exc)}) from None


def _answer(value: Any) -> surveys.Answer:
    """Accept a text, a whole number, yes or no, or several ticks."""
    said = [value] if isinstance(value, str) else value
    if isinstance(said, list):
        if len(said) > TICKS or not all(isinstance(one, str) for one in said):
            raise PydanticCustomError("answer", "多选要写成最多 {most} 个文字的列表", {"most": TICKS})
        for one in said:
            no_control(one)
            if len(one) > surveys.ANSWER_CHARS:
                raise PydanticCustomError("answer", "太长，最多 {most} 个字", {"most": surveys.ANSWER_CHARS})
        return value if isinstance(value, str) else said
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    raise PydanticCustomError("answer", "回答要写成文字、整数、true/false，或文字的列表")


Answer = Annotated[
    str | int | bool | list[str],
    PlainValidator(_answer),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": surveys.ANSWER_CHARS},
                {"type": "integer"},
                {"type": "boolean"},
                {"type": "array", "items": {"type": "string"}, "maxItems": TICKS},
            ]
        }
    ),
]
Number = Annotated[Plain, Field(min_length=1, max_length=64)]


class PersonBody(Body):
    """Whose it is; external_userid, clinic_number or phone must be given."""

    external_userid: ExternalUserid | None = Field(default=None)
    clinic_number: Number | None = Field(default=None, description="诊所系统里的病历号")
    phone: Annotated[Plain, Field(max_length=40), AfterValidator(_phone)] | None = Field(
        default=None, description="手机或带区号的固话；家人常共用，最好同时给病历号"
    )
    name: Annotated[Plain, Field(max_length=64)] | None = Field(default=None, description="真实姓名")
    born_on: Birthday | None = Field(default=None, description="出生日期")

    @model_validator(mode="after")
    def names_somebody(self) -> Self:
        if not self.ref().names_somebody:
            raise PydanticCustomError("nobody", "至少给出 external_userid、clinic_number、phone 中的一个")
        return self

    def ref(self) -> PersonRef:
        """Return whom it names."""
        return PersonRef(
            external_userid=self.external_userid or "",
            clinic_number=(self.clinic_number or "").strip(),
            phone=self.phone or "",
            name=(self.name or "").strip(),
            born_on=self.born_on,
        )


class VisitBody(Body):
    """How a visit stands as a whole: what is not given is empty, not unchanged."""

    number: Number = Field(description="来源系统里的就诊编号；同一来源里唯一，重复发送不会重复记录")
    source: Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,20}$")] = Field(
        default=SOURCE, description="来源系统；与文件导入的就诊同号即同一次"
    )
    patient: PersonBody
    status: VisitStatus = Field(
        description="booked 已预约，arrived 已到店，done 已完成，cancelled 已取消，no_show 未到店"
    )
    at: Instant = Field(description="就诊时间")
    changed_at: Instant | None = Field(
        default=None,
        description="来源系统最后修改它的时间；给了它，先后到达的顺序就不重要。不给时以收到的时间为准",
    )
    treatment: Annotated[Plain, Field(max_length=64)] = Field(
        default="", description="来源系统的项目代码或名称；治疗目录里没有的照样记下"
    )
    doctor: Annotated[Plain, Field(max_length=64)] = Field(default="", description="成员 userid 或医生姓名")
    amount_fen: Annotated[int, Field(ge=0, le=MAX_FEN)] | None = Field(
        default=None, description="实收，单位分"
    )
    note: Annotated[Plain, Field(max_length=2000)] = Field(default="", description="备注，加密保存")


class SheetBody(Body):
    """A filled-in survey."""

    survey: Annotated[Plain, Field(min_length=1, max_length=64)] = Field(description="问卷的 key")
    number: Number = Field(description="答卷编号；同一问卷里唯一，重复发送不会重复记录")
    patient: PersonBody
    at: Instant = Field(description="提交时间；同号的以晚的为准")
    answers: Annotated[
        dict[Annotated[Plain, Field(min_length=1, max_length=surveys.QUESTION_CHARS)], Answer],
        Field(min_length=1, max_length=surveys.QUESTIONS),
    ] = Field(description="问题 → 回答；多选是列表")


class BenefitBody(Body):
    """How a card or package stands as a whole: what is not given is empty, not unchanged."""

    number: Number = Field(description="来源系统里这张卡的编号；同一来源里唯一，重复发送不会重复记录")
    source: Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,20}$")] = Field(
        default=SOURCE, description="来源系统；与文件导入的同号即同一张"
    )
    patient: PersonBody
    title: Annotated[Plain, Field(min_length=1, max_length=100)] = Field(
        description="叫什么，给人看，如“洁牙次卡”"
    )
    kind: Annotated[Plain, Field(max_length=64)] = Field(default="", description="来源系统里这种卡的代码")
    total: Annotated[int, Field(ge=0, le=MOST_USES)] = Field(
        default=0, description="总次数；0 = 不限次，只看到期"
    )
    used: Annotated[int, Field(ge=0, le=MOST_USES)] = Field(default=0, description="用掉几次")
    issued_on: Day = Field(description="哪天开的卡")
    used_on: Day | None = Field(default=None, description="最近一次使用是哪天")
    expires_on: Day | None = Field(default=None, description="哪天到期（当天还能用）；不给 = 长期有效")
    changed_at: Instant | None = Field(
        default=None, description="来源系统最后修改它的时间；不给时以收到的时间为准"
    )


class _OneOrMany(Body):
    """Many in a list, or one by itself."""

    @classmethod
    def _list(cls) -> str:
        return next(iter(cls.model_fields))

    @model_validator(mode="before")
    @classmethod
    def one_is_a_list_of_one(cls, value: Any) -> Any:
        # ``number`` is a field of one and of no list.
        if isinstance(value, dict) and "number" in value and cls._list() not in value:
            return {cls._list(): [value]}
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler(core_schema)
        many = handler.resolve_ref_schema(found)
        one = many["properties"][cls._list()]["items"]
        both = {"anyOf": [one, dict(many)], "title": cls.__name__}
        many.clear()
        many.update(both)
        return found


class VisitsBody(_OneOrMany):
    """Visits, all recorded or none."""

    visits: Annotated[list[VisitBody], Field(min_length=1, max_length=MANY)]


class SheetsBody(_OneOrMany):
    """Filled-in surveys, all recorded or none."""

    answers: Annotated[list[SheetBody], Field(min_length=1, max_length=MANY)]

    @model_validator(mode="before")
    @classmethod
    def one_is_a_list_of_one(cls, value: Any) -> Any:
        # One sheet has ``answers``, too: by question, not in a list.
        if isinstance(value, dict) and "number" in value and not isinstance(value.get("answers"), list):
            return {"answers": [value]}
        return value


class BenefitsBody(_OneOrMany):
    """Cards and packages, all recorded or none."""

    benefits: Annotated[list[BenefitBody], Field(min_length=1, max_length=MANY)]


class VisitQuery(Parameters):
    patient: ExternalUserid | None = Field(default=None, description="只要这位客户的")
    from_: Moment | None = Field(default=None, alias="from", description="不早于它；日期指诊所时区当天 0 点")
    to: Moment | None = Field(default=None, description="早于它；写日期时包含当天（诊所时区）")
    status: Annotated[list[VisitStatus], CommaSeparated] = Field(
        default=[], description="只要这些状态；可以重复，也可以用逗号分隔"
    )
    cursor: Annotated[str, Field(pattern=r"^-?\d{1,18}-\d{1,18}$")] | None = Field(
        default=None, description="上一页答复里的 next"
    )
    limit: int = Field(default=PAGE, ge=1, le=PAGE_MAX, description="一页最多几次")
