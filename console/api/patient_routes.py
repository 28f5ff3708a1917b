"""The API's operations on patients."""

from __future__ import annotations

from typing import Any, Final

from console.api import patients, problems
from console.api.documents import Page
from console.api.operation import Operation
from console.api.patient_documents import (
    ConsentDocument,
    ErasedDocument,
    IdentityDocument,
    PatientDocument,
    PatientSummary,
    TimelineEntry,
)
from console.api.patient_requests import (
    ConsentBody,
    ConsentPath,
    EraseBody,
    MergeBody,
    PatientPath,
    PatientQuery,
    PatientSearch,
    TimelineQuery,
    WhyBody,
)
from console.api.requests import Nothing

TAG: Final = "patients"
_HERE: Final = "/patients/{external_userid}"
_SEALED: Final = (problems.SEAL_BROKEN,)


def operations() -> tuple[Operation[Any, Any, Any], ...]:
    """Return every operation on patients."""
    return (
        Operation(
            name="listPatients",
            method="GET",
            path="/patients",
            tag=TAG,
            summary="列出客户，最近建档的在前",
            run=patients.list_patients,
            answers={200: ("一页客户", Page[PatientSummary])},
            path_model=Nothing,
            query=PatientQuery,
            body=Nothing,
            problems=_SEALED,
        ),
        Operation(
            name="searchPatients",
            method="POST",
            path="/patients/search",
            tag=TAG,
            summary="按姓名、电话、病历号等查找客户",
            description="姓名和电话写在请求体里，不写在地址里：地址会留在各处的日志中。",
            run=patients.search_patients,
            answers={200: ("一页客户", Page[PatientSummary])},
            path_model=Nothing,
            query=Nothing,
            body=PatientSearch,
            problems=_SEALED,
        ),
        Operation(
            name="readPatient",
            method="GET",
            path=_HERE,
            tag=TAG,
            summary="一位客户：是谁、谁的客户、标签、阶段、就诊、同意和经过",
            description="已合并的档案返回代表它的那一份。姓名和电话是遮挡的，查看完整的用 /reveal。",
            run=patients.read_patient,
            answers={200: ("这位客户", PatientDocument)},
            path_model=PatientPath,
            query=Nothing,
            body=Nothing,
            problems=_SEALED,
        ),
        Operation(
            name="readTimeline",
            method="GET",
            path=f"{_HERE}/timeline",
            tag=TAG,
            summary="一位客户的经过，从新到旧",
            run=patients.read_timeline,
            answers={200: ("一页经过", Page[TimelineEntry])},
            path_model=PatientPath,
            query=TimelineQuery,
            body=Nothing,
            problems=_SEALED,
        ),
        _act(
            "revealPatient",
            "reveal",
            "查看完整的姓名和电话；会写进记录",
            patients.reveal_patient,
            IdentityDocument,
        ),
        _act(
            "mergePatients",
            "merge",
            "把另一份档案并进来；可以拆开",
            patients.merge_patients,
            PatientDocument,
            MergeBody,
        ),
        _act("splitPatient", "split", "把合并错的档案拆出来", patients.split_patient, PatientDocument),
        _act(
            "erasePatient",
            "erase",
            "按本人要求删除个人信息；不能恢复",
            patients.erase_patient,
            ErasedDocument,
            EraseBody,
        ),
        Operation(
            name="giveConsent",
            method="POST",
            path=f"{_HERE}/consents",
            tag=TAG,
            summary="登记一项同意",
            run=patients.give_consent,
            answers={201: ("登记好的同意", ConsentDocument)},
            path_model=PatientPath,
            query=Nothing,
            body=ConsentBody,
        ),
        Operation(
            name="withdrawConsent",
            method="POST",
            path=f"{_HERE}/consents/{{consent}}/withdraw",
            tag=TAG,
            summary="撤回一项同意",
            description="用到她的内容发布在哪里、一对一发给过谁，在控制台的内容库里看；店长会收到待办。",
            run=patients.withdraw_consent,
            answers={200: ("这位客户", PatientDocument)},
            path_model=ConsentPath,
            query=Nothing,
            body=WhyBody,
            problems=(problems.NOT_POSSIBLE, *_SEALED),
        ),
    )


def _act(
    name: str, verb: str, summary: str, run: Any, answer: Any, body: Any = WhyBody
) -> Operation[Any, Any, Any]:
    return Operation(
        name=name,
        method="POST",
        path=f"{_HERE}/{verb}",
        tag=TAG,
        summary=summary,
        run=run,
        answers={200: ("完成之后", answer)},
        path_model=PatientPath,
        query=Nothing,
        body=body,
        problems=(problems.NOT_POSSIBLE, *_SEALED),
    )
