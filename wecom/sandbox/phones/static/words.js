// What the page says where the sandbox only gives codes, or speaks English to programmers.

/** The channels of the `small` scene; others can be typed. */
export const CHANNELS = [
  ["front-desk", "前台扫码"],
  ["dr-zhang-card", "张医生名片"],
  ["dr-li-card", "李医生名片"],
  ["douyin", "抖音"],
  ["meituan", "美团"],
  ["old-friend", "老带新"],
  ["free-clinic", "义诊"],
  ["wechat-oa", "公众号"],
];

export function channelName(state) {
  if (!state) return "无渠道参数";
  return CHANNELS.find(([key]) => key === state)?.[1] ?? state;
}

export const FAULT_KINDS = [
  ["errcode", "返回错误码"],
  ["delay", "变慢"],
  ["reset_before", "执行前断开连接"],
  ["reset_after", "执行后断开连接（回答丢失）"],
  ["drop_callback", "丢掉回调"],
  ["duplicate_callback", "回调重复送达"],
  ["hold_callback", "回调乱序（晚一个送达）"],
];

export const API_TARGETS = [
  ["externalcontact/send_welcome_msg", "发送欢迎语"],
  ["externalcontact/mark_tag", "打标签"],
  ["externalcontact/add_moment_task", "创建朋友圈任务"],
  ["externalcontact/add_msg_template", "创建群发任务"],
  ["message/send", "发送应用消息"],
  ["message/update_template_card", "更新卡片"],
  ["media/upload", "上传素材"],
  ["media/upload_attachment", "上传朋友圈附件"],
];

export const CALLBACK_TARGETS = [
  ["change_external_contact.add_external_contact", "患者添加成员"],
  ["change_external_contact.add_half_external_contact", "患者半添加成员"],
  ["change_external_contact.del_follow_user", "患者删除成员"],
  ["change_external_contact.del_external_contact", "成员删除患者"],
  ["change_external_contact.edit_external_contact", "成员改备注或标签"],
  ["change_external_contact.transfer_fail", "客户拒绝交接"],
  ["change_external_chat.create", "新建客户群"],
  ["change_external_chat.update", "客户群变更"],
  ["change_external_chat.dismiss", "客户群解散"],
  ["change_external_tag.create", "后台新建标签"],
  ["change_external_tag.update", "后台改标签"],
  ["change_external_tag.delete", "后台删标签"],
  ["change_contact.update_user", "成员资料变更"],
  ["change_contact.delete_user", "成员离职"],
  ["customer_acquisition.friend_request", "获客链接的好友申请"],
  ["customer_acquisition.customer_start_chat", "获客链接的客户开口"],
  ["kf_msg_or_event", "微信客服有新消息"],
  ["template_card_event", "点击卡片"],
  ["text", "成员发给应用的消息"],
];

export function targetName(target) {
  if (target === "*") return "任意";
  return [...API_TARGETS, ...CALLBACK_TARGETS].find(([key]) => key === target)?.[1] ?? target;
}

const MISTAKES = [
  [/is already a contact of/, "已经是好友了。"],
  [/are not in touch/, "对方已不是好友，消息没有送达。"],
  [/task was cancelled/, "这条任务已被取消。"],
  [/task was sent already/, "这条任务已经发送过了。"],
  [/moment was cancelled/, "这条朋友圈已被取消。"],
  [/moment was published already/, "这条朋友圈已经发表过了。"],
  [/choose at least one recipient/, "请至少选择一个发送对象。"],
  [/no standing customer group|is not in /, "已不在这个群里。"],
  [/already in /, "已经在群里了。"],
  [/owner hands the group over/, "群主要先转让群才能退出。"],
  [/is no servicer of/, "不是这个账号的接待人员。"],
  [/only the servicer of a chat/, "只有正在接待的人才能这样做。"],
  [/not waiting in the pool/, "会话已经不在排队了。"],
  [/no menu in this chat/, "这个菜单已经不在了。"],
  [/no member has the userid|no patient has the external_userid|no group has the chat_id/, "沙盒里没有这个人或群。"],
];

/** Say a refusal of the control API in Chinese; what we do not know is quoted. */
export function mistakeText(error) {
  return MISTAKES.find(([pattern]) => pattern.test(error))?.[1] ?? `没有成功：${error}`;
}

const CALLBACK_STATES = {
  pending: "等待送达", held: "被扣住", delivered: "已送达", dropped: "已丢弃", lost: "三次都没送达",
};

/** Say how the delivery of a callback stands. */
export function callbackState({ state, attempts }) {
  if (attempts.length === 0 && state === "lost") return "没有回调地址，没有送出";
  return `${CALLBACK_STATES[state] ?? state} · ${attempts.length} 次尝试`;
}
