"""Which column holds what: the headings that clinics' systems write, in Chinese, and what each means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from clinic.identity import fold
from clinic.imports.sheet import HEADER_WITHIN, FileRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clinic.imports.sheet import Cell, Row

ImportKind = Literal["visits", "patients", "answers", "benefits"]
KINDS: Final[tuple[str, ...]] = get_args(ImportKind)
KIND_TITLES: Final[Mapping[str, str]] = {
    "visits": "就诊记录",
    "patients": "客户档案",
    "answers": "问卷答卷",
    "benefits": "会员权益",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that can be read: its field, the heading in our template and what else it may be called."""

    field: str
    title: str
    aliases: str  # separated by blanks
    example: str = ""
    needed: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.field, self.title, *self.aliases.split())


_WHO: Final = (
    Column(
        field="clinic_number",
        title="病历号",
        aliases="病历编号 病案号 患者编号 患者号 患者ID 客户编号 客户号 顾客编号 会员号 档案号 "
        "就诊卡号 病人编号 patientid",
        example="B001",
    ),
    Column(
        field="phone",
        title="电话",
        aliases="手机 手机号 手机号码 电话号码 联系电话 联系方式 患者电话 患者手机 客户电话 "
        "客户手机 移动电话 mobile tel",
        example="13800138000",
    ),
    Column(
        field="name",
        title="姓名",
        aliases="患者姓名 客户姓名 顾客姓名 病人姓名 真实姓名 患者 客户 顾客 病人 patientname",
        example="王小雨",
    ),
    Column(field="external_userid", title="企业微信ID", aliases="外部联系人ID 企微ID externaluserid"),
    Column(
        field="born_on", title="生日", aliases="出生日期 出生年月日 出生年月 birthday", example="1990-05-20"
    ),
)
COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "visits": (
        Column(
            field="number",
            title="就诊号",
            aliases="就诊编号 就诊流水号 流水号 挂号单号 挂号编号 预约号 预约编号 预约单号 接诊编号 "
            "接诊号 订单号 单号 单据号 收费单号 结算单号 visitid",
            example="J20261120001",
        ),
        *_WHO[:4],
        Column(
            field="date",
            title="就诊日期",
            aliases="到店日期 预约日期 接诊日期 治疗日期 收费日期 结算日期 日期 就诊时间 到店时间 "
            "预约时间 接诊时间 治疗时间 收费时间 结算时间 date visitdate",
            example="2026-11-20",
            needed=True,
        ),
        Column(field="clock", title="时间", aliases="时刻 预约时段 时段 time", example="09:30"),
        Column(
            field="treatment",
            title="治疗项目",
            aliases="项目 诊疗项目 项目名称 项目代码 收费项目 预约项目 治疗 治疗内容 治疗类型 处置 "
            "treatmentcode",
            example="洁牙",
        ),
        Column(field="status", title="状态", aliases="就诊状态 预约状态 到店状态 接诊状态", example="已完成"),
        Column(
            field="doctor",
            title="医生",
            aliases="接诊医生 主治医生 主治医师 医师 预约医生 就诊医生",
            example="张医生",
        ),
        Column(
            field="amount",
            title="金额（元）",
            aliases="金额 实收 实收元 实收金额 实收金额元 收费金额 消费金额 支付金额 已付金额",
            example="128.00",
        ),
        Column(field="note", title="备注", aliases="说明 就诊备注 预约备注", example=""),
        Column(field="changed_at", title="更新时间", aliases="修改时间 最后修改时间 最后更新时间 updatedat"),
    ),
    "patients": _WHO,
    "answers": (
        Column(field="survey", title="问卷", aliases="问卷编号 问卷key", example="after-visit", needed=True),
        Column(
            field="number", title="答卷编号", aliases="答卷号 答卷ID 编号 序号", example="S1", needed=True
        ),
        *_WHO[:4],
        Column(
            field="date",
            title="提交时间",
            aliases="填写时间 答题时间 提交答卷时间 结束时间 日期 时间",
            example="2026-11-20 18:05",
            needed=True,
        ),
    ),
    "benefits": (
        Column(
            field="number",
            title="权益编号",
            aliases="卡号 卡编号 套餐编号 套餐号 权益号 次卡编号 次卡号 会员卡号 卡项编号 benefitid cardno",
            example="K20261120001",
            needed=True,
        ),
        *_WHO[:4],
        Column(
            field="title",
            title="权益名称",
            aliases="卡名称 卡项 卡项名称 套餐 套餐名称 次卡名称 会员卡 会员卡名称 权益 名称",
            example="洁牙次卡",
            needed=True,
        ),
        Column(field="total", title="总次数", aliases="次数 购买次数 总数量 总量", example="4"),
        Column(field="used", title="已用次数", aliases="已使用次数 使用次数 已用 已核销次数", example="1"),
        Column(field="left", title="剩余次数", aliases="剩余 可用次数 未用次数 余次"),
        Column(
            field="issued_on",
            title="开卡日期",
            aliases="购买日期 办卡日期 开通日期 生效日期 开卡时间 购买时间 办卡时间",
            example="2026-08-20",
            needed=True,
        ),
        Column(
            field="used_on",
            title="最近使用日期",
            aliases="最近使用 最后使用日期 上次使用日期 最近核销日期 最近使用时间 最后使用时间",
            example="2026-10-08",
        ),
        Column(
            field="expires_on",
            title="到期日期",
            aliases="到期日 有效期至 有效期 失效日期 截止日期 到期时间",
            example="2027-08-20",
        ),
        Column(field="kind", title="权益代码", aliases="卡类型 卡种 套餐代码 类型"),
        Column(field="changed_at", title="更新时间", aliases="修改时间 最后修改时间 最后更新时间 updatedat"),
    ),
}
# Where a date has a column of its own, this heading holds the time of day.
_EITHER: Final = frozenset(
    fold(name) for name in ("就诊时间", "到店时间", "预约时间", "接诊时间", "治疗时间")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which cell of a row holds which field; ``row`` is the number of the headings' row.

    ``titles`` are the headings as written, by column; ``unread`` those that mean nothing to us: in answers,
    they are the questions.
    """

    row: int
    places: Mapping[str, int]
    titles: tuple[str, ...]
    unread: Mapping[int, str]

    def title_of(self, field: str) -> str:
        """Return the heading of a field as the file writes it."""
        place = self.places.get(field)
        return self.titles[place] if place is not None else ""


def count_known(kind: str, cells: tuple[Cell, ...]) -> int:
    """Return how many cells of a row are headings of this kind of file."""
    names = _names(kind)
    return len({names[word] for cell in cells if isinstance(cell, str) and (word := fold(cell)) in names})


def find_layout(kind: str, rows: Iterable[Row]) -> Layout:
    """Find the row of headings among the first rows.

    Raises:
        FileRefused: there is none, one stands twice, or one that is needed lacks.
    """
    best: Row | None = None
    known = 1
    for seen, row in enumerate(rows):
        if seen >= HEADER_WITHIN:
            break
        count = count_known(kind, row.cells)
        if count > known:
            best, known = row, count
    if best is None:
        wanted = "、".join(column.title for column in COLUMNS[kind][:6])
        raise FileRefused(
            f"没有认出表头：前 {HEADER_WITHIN} 行里要有一行列名，如 {wanted}；可以下载模板对照。"
            "如果打开是乱码，请另存为 .xlsx 再上传"
        )
    return _layout(kind, best)


def _layout(kind: str, row: Row) -> Layout:
    names = _names(kind)
    titles = tuple(cell if isinstance(cell, str) else "" for cell in row.cells)
    places: dict[str, int] = {}
    unread: dict[int, str] = {}
    dates = [i for i, title in enumerate(titles) if names.get(fold(title)) == "date"]
    # 就诊日期 beside 就诊时间: the second is the time of day.
    clocks = [i for i in dates if fold(titles[i]) in _EITHER] if len(dates) == 2 else []
    for place, title in enumerate(titles):
        field = names.get(fold(title)) if title else None
        if field == "date" and [place] == clocks and kind == "visits":
            field = "clock"
        if field is None:
            if title:
                unread[place] = title
        elif field in places:
            raise FileRefused(f"有两列都是“{titles[places[field]]}”的意思（{title}）：请只留一列")
        else:
            places[field] = place
    if "date" not in places and "clock" in places:
        places["date"] = places.pop("clock")
    missing = [column.title for column in COLUMNS[kind] if column.needed and column.field not in places]
    if missing:
        raise FileRefused(f"缺少这些列：{'、'.join(missing)}（第 {row.number} 行是列名）")
    if places.keys().isdisjoint({"clinic_number", "phone", "external_userid"}):
        raise FileRefused("认不出是谁：至少要有“病历号”或“电话”这一列")
    return Layout(row=row.number, places=places, titles=titles, unread=unread)


def _names(kind: str) -> Mapping[str, str]:
    return _NAMES[kind]


_NAMES: Final = {
    kind: {fold(name): column.field for column in columns for name in column.names}
    for kind, columns in COLUMNS.items()
}
