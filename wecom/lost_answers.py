"""What to do when a creating call got no answer: one row for every API that must not simply be repeated.

WeCom knows almost no idempotency keys. ``again``: a second identical call does no harm, because of the key
named, inside its window. ``find``: read back what may have been made (:mod:`wecom.finders`), and call again
only when it is certainly absent: not there in two looks a minute apart, since WeCom's lists lag. ``never``:
it can neither be recognised nor repeated; a person decides, and is told that it may have happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

Remedy = Literal["again", "find", "never"]

WELCOME_LIFE: Final = timedelta(seconds=20)
LONGEST_DUPLICATE_CHECK: Final = timedelta(seconds=14_400)  # duplicate_check_interval of message/send
CODE_LIFE: Final = timedelta(hours=72)  # response_code of a card


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAnswer:
    """The rule for one API.

    ``by``: the key that makes a repeat harmless, the list and the fields a match is made on, or why there is
    neither. ``within``: how long after the first call a repeat stays harmless; None: for ever.
    """

    then: Remedy
    by: str
    source: str  # the document
    within: timedelta | None = None


LOST_ANSWERS: Final[dict[str, LostAnswer]] = {
    # -- tasks that members tap -----------------------------------------------------------------------------
    "externalcontact/add_msg_template": LostAnswer(
        then="find",
        by="get_groupmsg_list_v2 of the chat type: no creator, text, attachment kinds, created since the"
        " call; then the task's member and recipients",
        source="doc 92135, 93338",
    ),
    "externalcontact/add_moment_task": LostAnswer(
        then="find",
        by="get_moment_list: no creator, text, attachment kinds, created since the call; then the member",
        source="doc 95094, 93333",
    ),
    "externalcontact/remind_groupmsg_send": LostAnswer(
        then="never",
        by="three a day and task are all: a lost one may have been one of them, and the next is due anyway",
        source="doc 97610",
    ),
    # -- customers ------------------------------------------------------------------------------------------
    "externalcontact/send_welcome_msg": LostAnswer(
        then="again",
        by="the welcome_code works once: 41051 says that the first call arrived",
        source="doc 92137",
        within=WELCOME_LIFE,
    ),
    "externalcontact/add_corp_tag": LostAnswer(
        then="find",
        by="get_corp_tag_list: the names in the group; a name is unique there (40071)",
        source="doc 92117",
    ),
    "externalcontact/add_contact_way": LostAnswer(
        then="find",
        by="list_contact_way since the call, then get_contact_way: type, scene, state, remark, members,"
        " departments. Give every channel a state of its own. Temporary ones are listed nowhere",
        source="doc 92572",
    ),
    "externalcontact/groupchat/add_join_way": LostAnswer(
        then="never",
        by="there is no list. An unused one does no harm, but counts among the 500 000; a person may"
        " make another",
        source="doc 92229",
    ),
    "externalcontact/group_welcome_template/add": LostAnswer(
        then="again",
        by="notify 0: owners apply material by hand, so what lies there twice greets nobody. It counts among"
        " the 100 and no list tells of it; never again with notify 1, which tells every member",
        source="doc 92366",
    ),
    "externalcontact/customer_acquisition/create_link": LostAnswer(
        then="find",
        by="list_link, then get: name, members, departments, created since the call",
        source="doc 97297",
    ),
    "externalcontact/add_intercept_rule": LostAnswer(
        then="find",
        by="get_intercept_rule_list: name, created since the call; then get_intercept_rule: words and range",
        source="doc 95097",
    ),
    "externalcontact/transfer_customer": LostAnswer(
        then="find",
        by="transfer_result between the two members: every customer with a record; the others may be offered",
        source="doc 92125, 94088",
    ),
    "externalcontact/resigned/transfer_customer": LostAnswer(
        then="find",
        by="resigned/transfer_result between the two members: every customer with a record",
        source="doc 94081, 94082",
    ),
    "externalcontact/groupchat/transfer": LostAnswer(
        then="find", by="groupchat/get: the group's owner is the new one", source="doc 92127, 92122"
    ),
    "externalcontact/groupchat/onjob_transfer": LostAnswer(
        then="find", by="groupchat/get: the group's owner is the new one", source="doc 95703, 92122"
    ),
    # -- staff ----------------------------------------------------------------------------------------------
    "message/send": LostAnswer(
        then="again",
        by="enable_duplicate_check with an interval (Message.drop_repeats_for_s): the same content to the"
        " same receivers is dropped; never without. A card's task_id is unique besides (42014)",
        source="doc 90236",
        within=LONGEST_DUPLICATE_CHECK,
    ),
    "message/update_template_card": LostAnswer(
        then="again",
        by="the response_code works once: 60140 on a second call says that the first arrived",
        source="doc 94888",
        within=CODE_LIFE,
    ),
    "auth/getuserinfo": LostAnswer(
        then="never", by="the code works once: let the person open the page again", source="doc 91023"
    ),
    # -- 微信客服 -------------------------------------------------------------------------------------------
    "kf/account/add": LostAnswer(
        then="find",
        by="kf/account/list: the name, and an id that was not there before (accounts carry no time)",
        source="doc 94662, 94661",
    ),
    "kf/knowledge/add_group": LostAnswer(
        then="find", by="kf/knowledge/list_group: the name, which is unique", source="doc 95971"
    ),
    "kf/knowledge/add_intent": LostAnswer(
        then="find",
        by="kf/knowledge/list_intent of the group: the question, which stands in one group only",
        source="doc 95972",
    ),
    "kf/send_msg": LostAnswer(
        then="again",
        by="a msgid of ours is unique per account: a second message with it is refused; never without",
        source="doc 94677",
    ),
    "kf/send_msg_on_event": LostAnswer(
        then="again",
        by="the event's code works once: 95007 on a second call says that it is spent",
        source="doc 95122",
        within=WELCOME_LIFE,
    ),
    "kf/service_state/trans": LostAnswer(
        then="find",
        by="kf/service_state/get: state and servicer are the wanted ones; the answer's code is lost",
        source="doc 94669",
    ),
    "kf/customer/upgrade_service": LostAnswer(
        then="never", by="the customer sees each one, and no list tells of them", source="doc 94674"
    ),
}
