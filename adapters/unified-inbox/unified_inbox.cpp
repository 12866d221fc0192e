// A unified inbox over a timeline of activities: one row per touchpoint (SMS, e-mail, call, note), conversations, and
// conversations with their messages inline.
//
// From the API's page: activities are deduplicated by provider_message_id within an organisation; suggestions are drafts
// until a human sends them; archiving is not resolving. The field names of rows are published nowhere; those here follow
// the words of that page and the habits of its kin.
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crosswalk/deletion.hpp"
#include "crosswalk/plugin.hpp"

namespace {

namespace cp = crosswalk::plugin;

/// What a field of a row is, whichever kind of row it stands in.
enum Role : std::uint8_t {
  kUnknown,
  kId,
  kOrg,
  kConversation,
  kContact,
  kContactId,
  kType,
  kDirection,
  kProviderMessage,
  kBody,
  kSubject,
  kStatus,
  kOccurred,
  kStarted,
  kCreated,
  kUpdated,
  kUser,
  kDuration,
  kSummary,
  kAssigned,
  kArchived,
  kStarred,
  kUnread,
  kMessages,
  kMessagesPart,  ///< of an object where a list should be
  kMessagesText,  ///< the same, a message's text
  kDeleted,
  kIsDeleted,
  kDeletedAt,
  kRoles
};

constexpr std::pair<std::string_view, Role> kRoleOf[] = {
    {"id", kId},
    {"org_id", kOrg},
    {"conversation_id", kConversation},
    {"contact_id", kContact},
    {"contact.id", kContactId},
    {"type", kType},
    {"direction", kDirection},
    {"provider_message_id", kProviderMessage},
    {"body", kBody},
    {"last_message_body", kBody},
    {"last_message_preview", kBody},
    {"subject", kSubject},
    {"status", kStatus},
    {"occurred_at", kOccurred},
    {"started_at", kStarted},
    {"created_at", kCreated},
    {"updated_at", kUpdated},
    {"user_id", kUser},
    {"duration", kDuration},
    {"duration_seconds", kDuration},
    {"ai_summary", kSummary},
    {"assigned_to", kAssigned},
    {"archived", kArchived},
    {"starred", kStarred},
    {"unread", kUnread},
    {"messages", kMessages},
    {"activities", kMessages},
    {"deleted", kDeleted},
    {"is_deleted", kIsDeleted},
    {"deleted_at", kDeletedAt},
};

struct TouchType {
  std::string_view word;
  cw_touch_kind kind;
  std::string_view channel;
};
constexpr TouchType kTouchTypes[] = {
    {"sms", CW_TOUCH_SMS, "sms"},
    {"mms", CW_TOUCH_SMS, "sms"},
    {"email", CW_TOUCH_EMAIL, "email"},
    {"call", CW_TOUCH_CALL, "phone"},
    {"voicemail", CW_TOUCH_CALL, "phone"},
    {"chat", CW_TOUCH_CHAT, "chat"},
    {"webchat", CW_TOUCH_CHAT, "chat"},
    {"live_chat", CW_TOUCH_CHAT, "chat"},
    {"whatsapp", CW_TOUCH_SOCIAL, "social"},
    {"facebook", CW_TOUCH_SOCIAL, "social"},
    {"instagram", CW_TOUCH_SOCIAL, "social"},
    {"note", CW_TOUCH_NOTE, "back_office"},
    {"internal_comment", CW_TOUCH_NOTE, "back_office"},
};

/// What decides how a row is read, in whichever row it stands. A row that does not look at it says so.
constexpr std::uint32_t kSteer = 1U << kId | 1U << kType | 1U << kDirection | 1U << kProviderMessage | 1U << kOccurred |
                                 1U << kStarted | 1U << kCreated | 1U << kUser | 1U << kDuration | 1U << kSubject;

constexpr std::string_view kResolved[] = {"closed", "resolved", "done"};
constexpr std::string_view kUnresolved[] = {"new",     "open",   "reopened", "pending",     "waiting",  "snoozed",
                                            "on hold", "active", "unread",   "in progress", "assigned", "unassigned"};

/// A suggestion that nobody sent is no touchpoint.
constexpr std::string_view kDrafts[] = {"draft", "pending", "suggested", "suggestion", "dismissed"};

class Row {
 public:
  Row(const cw_record& record, const std::vector<Role>& roles) {
    const Role* const role_of = roles.data();
    std::size_t details = 0;
    for (const cw_field *field = record.fields, *end = field + record.count; field != end; ++field) {
      if (field->kind == CW_NULL || field->size == 0) continue;
      const Role role = role_of[field->id];
      const cw_field* const before = fields_[role];
      const unsigned is_detail = kDetailRoles >> role & 1U;
      fields_[role] = field;
      present_ |= 1U << role;
      details_[details] = is_detail != 0 ? field : before;
      details += (is_detail | static_cast<unsigned>(before != nullptr)) & static_cast<unsigned>(details < kDetails);
    }
    detail_count_ = details;
  }
  [[nodiscard]] const cw_field* field(Role role) const { return fields_[role]; }
  [[nodiscard]] std::string_view text(Role role) const {
    return fields_[role] == nullptr ? std::string_view() : cp::view(*fields_[role]);
  }
  [[nodiscard]] bool has(Role role) const { return fields_[role] != nullptr; }
  [[nodiscard]] const cw_field* first_of(Role a, Role b, Role c) const {
    if (has(a)) return field(a);
    return has(b) ? field(b) : field(c);
  }
  /// Calls `visit(field)` for what has no place in a touchpoint: no role in `used`, or the role of a later field as well.
  void each_detail(const cw_record& record, const std::vector<Role>& roles, std::uint32_t used, const auto& visit) const {
    for (std::uint32_t rest = present_ & ~used & ~kDetailRoles; rest != 0; rest &= rest - 1) {
      visit(*fields_[static_cast<std::size_t>(std::countr_zero(rest))]);
    }
    if (detail_count_ < kDetails) {
      for (std::size_t i = 0; i < detail_count_; ++i) visit(*details_[i]);
      return;
    }
    for (std::size_t i = 0; i < record.count; ++i) {
      const cw_field& field = record.fields[i];
      const Role role = roles[field.id];
      if ((kDetailRoles >> role & 1U) != 0 || fields_[role] != &field) visit(field);
    }
  }

 private:
  static constexpr std::uint32_t kDetailRoles =
      1U << kBody | 1U << kSummary | 1U << kUnknown | 1U << kStatus | 1U << kMessagesPart | 1U << kMessagesText;
  static constexpr std::size_t kDetails = 15;
  std::array<const cw_field*, kRoles> fields_{};
  std::array<const cw_field*, kDetails + 1> details_;  // the first so many
  std::size_t detail_count_ = 0;
  std::uint32_t present_ = 0;  // roles
};

cw_touch_kind kind_of(std::string_view type) {
  const std::string word = cp::folded(type);
  for (const TouchType& one : kTouchTypes) {
    if (one.word == word) return one.kind;
  }
  return CW_TOUCH_OTHER;
}

cw_direction direction_of(std::string_view direction) {
  const std::string word = cp::folded(direction);
  if (word == "inbound" || word == "incoming" || word == "in") return CW_INBOUND;
  if (word == "outbound" || word == "outgoing" || word == "out") return CW_OUTBOUND;
  return CW_UNKNOWN_DIRECTION;
}

/// What a status says beside its meaning.
enum class Remark : std::uint8_t { none, draft, deleted };

Remark remark_of(std::string_view status) {
  const std::string word = cp::folded(status);
  for (const std::string_view draft : kDrafts) {
    if (word == draft) return Remark::draft;
  }
  return word == "deleted" ? Remark::deleted : Remark::none;
}

/// What a function says of words of which there are few: asked once for each. Words differ from row to row as no processor
/// foresees, so none is searched for: each has one place where it may be.
template <class T>
class Remembered {
 public:
  explicit Remembered(T (*ask)(std::string_view)) : ask_(ask) {}
  T operator()(std::string_view word) {
    if (word.size() > kLongest) return ask_(word);
    const Letters letters(word);
    Place& place = places_[letters.place()];
    if (!place.known || !(place.letters == letters)) place = {letters, ask_(word), true};
    return place.meaning;
  }

 private:
  static constexpr std::size_t kLongest = 16, kPlaceBits = 5;
  /// All of a short word, by reads that may overlap.
  struct Letters {
    std::uint64_t front = 0, back = 0;
    std::size_t size = 0;
    Letters() = default;
    explicit Letters(std::string_view word) : size(word.size()) {
      const char* const text = word.data();
      const auto four = [text](std::size_t at) {
        std::uint32_t letters = 0;
        std::memcpy(&letters, text + at, sizeof letters);
        return std::uint64_t{letters};
      };
      const auto one = [text](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(text[at])}; };
      if (size >= 4) {
        const std::size_t step = size / 8 * 4;
        front = four(0) << 32 | four(step);
        back = four(size - 4) << 32 | four(size - 4 - step);
      } else if (size != 0) {
        front = one(0) << 16 | one(size / 2) << 8 | one(size - 1);
      }
    }
    [[nodiscard]] std::size_t place() const { return ((front ^ back << 1) + size) * 0x9e3779b97f4a7c15U >> (64 - kPlaceBits); }
    friend bool operator==(const Letters&, const Letters&) = default;
  };
  struct Place {
    Letters letters;
    T meaning{};
    bool known = false;
  };
  T (*ask_)(std::string_view);
  std::array<Place, std::size_t{1} << kPlaceBits> places_;
};

class UnifiedInbox final : public cp::Translator {
 public:
  explicit UnifiedInbox(cp::Setup& setup)
      : include_bodies_(setup.flag("include_bodies")),
        filter_deleted_(setup.setting("deleted") == "filter"),
        only_mapped_(setup.setting("metadata") == "mapped"),
        deletion_(setup) {
    for (const TouchType& type : kTouchTypes) setup.word(CW_CHANNEL, type.word, type.channel);
    for (const std::string_view status : kResolved) setup.word(CW_RESOLVED, status, "true");
    for (const std::string_view status : kUnresolved) setup.word(CW_RESOLVED, status, "false");
  }

  void bind(std::uint16_t first, cp::Names names, cp::Binder& binder) override {
    if (roles_.size() < first + names.size()) {
      roles_.resize(first + names.size(), kUnknown);
      names_.resize(roles_.size());
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto id = static_cast<std::uint16_t>(first + i);
      std::string_view name = cp::view(names[i]);
      names_[id] = std::string(name);
      if (name.starts_with(kElement)) name.remove_prefix(kElement.size() + 1);
      roles_[id] = kUnknown;
      for (const auto& [known, role] : kRoleOf) {
        if (known == name) roles_[id] = role;
      }
      if (is_of_object(name)) roles_[id] = is_text_of_object(name) ? kMessagesText : kMessagesPart;
      if ((kSteer >> roles_[id] & 1U) != 0) {
        binder.steers(id);
      } else {
        binder.claim(id);
      }
    }
  }

  void translate(const cw_record& record, cp::Receiver& out) override {
    const Row row(record, roles_);
    if (row.has(kType) || row.has(kConversation) || row.has(kProviderMessage)) {
      activity(record, row, out);
    } else {
      conversation(record, row, out);
    }
  }

 private:
  static constexpr std::string_view kElement = "messages[]", kMessageId = "message ", kRowId = "row ";

  void activity(const cw_record& record, const Row& row, cp::Receiver& out) {
    const Remark remark = remark_of_(row.text(kStatus));
    if (remark == Remark::draft) {
      out.filter("draft or suggestion");
      return;
    }
    if (is_deleted(row, remark, out)) return deleted_activity(record, row, out);
    if (!row.has(kConversation)) {
      out.refuse("no_conversation_id", "conversation_id", "", "the activity does not say to which conversation it belongs",
                 "export the activities with their conversation_id");
      return;
    }
    if (!out.set(CW_EXTERNAL_ID, *row.field(kConversation))) return;
    if (!set_scope(row, out) || !set_customer(row, out)) return;
    if (row.has(kUpdated) && !out.set(CW_VERSION, *row.field(kUpdated))) return;
    if (!touchpoint(row, out)) return;
    constexpr std::uint32_t kSet = 1U << kConversation | 1U << kOrg | 1U << kUpdated;
    drop_details(record, row, used_ | kSet | 1U << (row.has(kContact) ? kContact : kContactId), out);
  }

  /// What older rows say of it must go; one that cannot be told which is left out by itself.
  void deleted_activity(const cw_record& record, const Row& row, cp::Receiver& out) {
    if (!row.has(kConversation) || !(row.has(kProviderMessage) || row.has(kId))) {
      out.filter("deleted");
      return;
    }
    if (!out.set(CW_EXTERNAL_ID, *row.field(kConversation))) return;
    if (row.has(kOrg) && !out.set(CW_SCOPE, *row.field(kOrg))) return;
    if (row.has(kUpdated) && !out.set(CW_VERSION, *row.field(kUpdated))) return;
    take_back(record, row, 1U << kConversation | 1U << kOrg | 1U << kUpdated, out);
  }

  void conversation(const cw_record& record, const Row& row, cp::Receiver& out) {
    if (!row.has(kId)) {
      out.refuse("no_conversation_id", "id", "", "the conversation has no id", "export the conversations with their ids");
      return;
    }
    if (!out.set(CW_EXTERNAL_ID, *row.field(kId)) || !set_scope(row, out) || !set_customer(row, out)) return;
    if (row.has(kSubject) && !out.set(CW_SUBJECT, *row.field(kSubject))) return;
    if (is_deleted(row, remark_of_(row.text(kStatus)), out)) {  // the status by which the host knows it, whichever field says so
      if (!out.set(CW_STATUS, "deleted")) return;
      if (row.has(kStatus) && !out.drop(*row.field(kStatus), "deleted")) return;
    } else if (row.has(kStatus) && !(out.set(CW_STATUS, *row.field(kStatus)) && out.set(CW_RESOLVED, *row.field(kStatus)))) {
      return;
    }
    if (row.has(kAssigned) && !out.set(CW_ASSIGNED_AGENT_ID, *row.field(kAssigned))) return;
    if (row.has(kCreated) && !out.set(CW_STARTED_AT, *row.field(kCreated))) return;
    if (row.has(kUpdated) && !out.set(CW_VERSION, *row.field(kUpdated))) return;
    if (!carry_rest(record, row, out)) return;
    for (const Role role : {kMessagesPart, kMessagesText}) {
      if (!row.has(role)) continue;
      if (!not_a_list(*row.field(role), "", out)) return;
      break;
    }
    if (!row.has(kMessages)) return;
    for (std::size_t i = 0; i < record.count; ++i) {
      if (roles_[record.fields[i].id] == kMessages && !messages(record.fields[i], out)) return;
    }
  }

  /// Messages that are no list say nothing that is understood: they are kept as any field is, unless they may hold text.
  bool messages(const cw_field& array, cp::Receiver& out) {
    if (array.kind != CW_ARRAY) {
      if (!not_a_list(array, array.kind == CW_STRING ? cp::view(array) : std::string_view(), out)) return false;
      const bool may_hold_text =
          array.kind == CW_STRING && cp::view(array).find_first_not_of("[]{}, \t\r\n") != std::string_view::npos;
      if (may_hold_text && !include_bodies_) return out.drop(array, "messages that are no list");
      return only_mapped_ ? out.drop(array, "metadata=mapped") : out.carry(names_[array.id], array);
    }
    return out.walk(array, kElement, [&](const cw_record& element) {
      const Row row(element, roles_);
      const Remark remark = remark_of_(row.text(kStatus));
      if (remark == Remark::draft) return drop_all(element, "draft or suggestion", out);
      if (is_deleted(row, remark, out)) return take_back(element, row, 0, out);
      return touchpoint(row, out) && drop_details(element, row, used_, out);
    });
  }

  static bool drop_all(const cw_record& element, std::string_view rule, cp::Receiver& out) {
    for (std::size_t i = 0; i < element.count; ++i) {
      if (!out.drop(element.fields[i], rule)) return false;
    }
    return true;
  }

  /// `messages.m1.type`, of an object where a list should be.
  static bool is_of_object(std::string_view name) { return name.starts_with("messages.") || name.starts_with("activities."); }

  static bool is_text_of_object(std::string_view name) {
    const std::string_view last = name.substr(name.rfind('.') + 1);
    for (const auto& [known, role] : kRoleOf) {
      if (known == last) return role == kBody || role == kSummary;
    }
    return false;
  }

  bool not_a_list(const cw_field& field, std::string_view found, cp::Receiver& out) const {
    const std::string& name = names_[field.id];
    return out.remark("unreadable_messages", name.substr(0, name.find('.')), found,
                      found.empty()
                          ? "an object or a single value stands where a list of messages is expected; no message is read"
                          : "a text stands where a list of messages is expected; no message is read",
                      "export the messages as a list: [{\"id\": …}, …]");
  }

  /// By the status, or by a field that says so. One that says neither counts for no, and is said.
  bool is_deleted(const Row& row, Remark status, cp::Receiver& out) const {
    if (!filter_deleted_) return false;
    if (status == Remark::deleted) return true;
    if (!row.has(kDeleted) && !row.has(kIsDeleted) && !row.has(kDeletedAt)) return false;
    const cw_field* unclear = nullptr;
    for (const Role role : {kDeleted, kIsDeleted, kDeletedAt}) {
      if (!row.has(role)) continue;
      const cp::Deletion::Said said = deletion_.said(*row.field(role));
      if (said == cp::Deletion::Said::yes) return true;
      if (said == cp::Deletion::Said::neither) unclear = row.field(role);
    }
    if (unclear != nullptr) {
      out.remark("unknown_deleted", names_[unclear->id], cp::view(*unclear),
                 "this says neither that it is deleted nor that it is not; it is taken for what is not",
                 "correct it in the source; with --set deleted=keep nobody asks");
    }
    return false;
  }

  static bool set_scope(const Row& row, cp::Receiver& out) {
    if (!row.has(kOrg)) return true;
    return out.set(CW_SCOPE, *row.field(kOrg)) && out.carry("org_id", *row.field(kOrg));
  }

  static bool set_customer(const Row& row, cp::Receiver& out) {
    if (row.has(kContact)) return out.set(CW_CUSTOMER_ID, *row.field(kContact));
    return !row.has(kContactId) || out.set(CW_CUSTOMER_ID, *row.field(kContactId));
  }

  void name(std::string_view kind, std::string_view id) {
    if (id_.starts_with(kind)) {  // mostly that of the last row
      id_.resize(kind.size());
    } else {
      id_ = kind;
    }
    id_ += id;
  }

  /// A provider's message id names the message; the row's own id only the row. They must not be taken for each other.
  void name(const Row& row) {
    if (row.has(kProviderMessage)) {
      name(kMessageId, row.text(kProviderMessage));
    } else if (row.has(kId)) {
      name(kRowId, row.text(kId));
    } else {
      id_.clear();
    }
  }

  /// A deleted message: nothing of it counts but its id. `used`: roles that say where it belongs.
  bool take_back(const cw_record& record, const Row& row, std::uint32_t used, cp::Receiver& out) {
    name(row);
    cw_touchpoint touch{};
    touch.size = sizeof(touch);
    touch.id = cp::text(id_);
    touch.deleted = 1;
    if (!out.touchpoint(touch)) return false;
    bool going = true;
    used |= 1U << (row.has(kProviderMessage) ? kProviderMessage : kId);
    row.each_detail(record, roles_, used, [&](const cw_field& field) { going = going && out.drop(field, "deleted"); });
    return going;
  }

  bool touchpoint(const Row& row, cp::Receiver& out) {
    cw_touchpoint touch{};
    touch.size = sizeof(touch);
    const cw_touch_kind kind = kind_of_(row.text(kType));
    touch.kind = kind;
    touch.type = cp::text(row.text(kType));
    touch.direction = kind == CW_TOUCH_NOTE ? CW_INTERNAL : direction_of_(row.text(kDirection));
    name(row);
    touch.id = cp::text(id_);
    const cw_field* at = row.first_of(kOccurred, kStarted, kCreated);
    touch.at = at == nullptr ? cw_text{} : cp::text(cp::view(*at));
    touch.user = cp::text(row.text(kUser));
    if (kind == CW_TOUCH_CALL) touch.duration = cp::text(row.text(kDuration));
    touch.duration_how = CW_SECONDS;
    if (kind == CW_TOUCH_EMAIL) touch.subject = cp::text(row.text(kSubject));
    used_ = 1U << kType | 1U << kUser | 1U << (row.has(kProviderMessage) ? kProviderMessage : kId) |
            1U << (row.has(kOccurred)  ? kOccurred
                   : row.has(kStarted) ? kStarted
                                       : kCreated);
    if (kind != CW_TOUCH_NOTE) used_ |= 1U << kDirection;
    if (kind == CW_TOUCH_CALL) used_ |= 1U << kDuration;
    if (kind == CW_TOUCH_EMAIL) used_ |= 1U << kSubject;
    if (!out.touchpoint(touch)) return false;
    if (!include_bodies_) return true;
    for (const Role role : {kBody, kSummary}) {
      if (!row.has(role) || id_.empty()) continue;
      const std::string name = std::string(role == kBody ? "body of " : "summary of ") + id_;
      if (!out.carry(name, *row.field(role))) return false;
    }
    return true;
  }

  /// What a touchpoint row says beside the touchpoint has no place in the conversation: said, by rule.
  bool drop_details(const cw_record& record, const Row& row, std::uint32_t used, cp::Receiver& out) const {
    bool going = true;
    row.each_detail(record, roles_, used, [&](const cw_field& field) {
      const Role role = roles_[field.id];
      if (role != kBody && role != kSummary && role != kMessagesText) {
        going = going && out.drop(field, "touchpoint detail");
      } else if (!include_bodies_) {
        going = going && out.drop(field, "message body");
      }
    });
    return going;
  }

  /// A conversation's other fields go into metadata under their own names.
  bool carry_rest(const cw_record& record, const Row& row, cp::Receiver& out) const {
    for (std::size_t i = 0; i < record.count; ++i) {
      const cw_field& field = record.fields[i];
      const std::string& name = names_[field.id];
      switch (roles_[field.id]) {
        case kArchived:
        case kStarred:
        case kUnread:
        case kDeleted:
        case kIsDeleted:
        case kDeletedAt:
          if (!out.carry(name, field)) return false;
          break;
        case kContactId:  // unless it is the customer
          if (row.has(kContact) && !out.carry(name, field)) return false;
          break;
        case kMessagesText:
        case kBody:
        case kSummary:
          if (!(include_bodies_ ? out.carry(name, field) : out.drop(field, "message body"))) return false;
          break;
        case kMessagesPart:
        case kUnknown:
        case kUser:
        case kDuration:
        case kDirection:
        case kOccurred:
        case kStarted:
          if (!(only_mapped_ ? out.drop(field, "metadata=mapped") : out.carry(name, field))) return false;
          break;
        default: break;
      }
    }
    return true;
  }

  bool include_bodies_;
  bool filter_deleted_;
  bool only_mapped_;
  cp::Deletion deletion_;
  Remembered<cw_touch_kind> kind_of_{kind_of};
  Remembered<cw_direction> direction_of_{direction_of};
  Remembered<Remark> remark_of_{remark_of};
  std::vector<Role> roles_;
  std::vector<std::string> names_;
  std::string id_;
  std::uint32_t used_ = 0;  // roles of the fields that the last touchpoint was made of
};

}  // namespace

CROSSWALK_ADAPTER(UnifiedInbox, R"({
  "id": "unified-inbox",
  "version": "1.0.0",
  "abi": 1,
  "summary": "Unified inbox: activity timeline and conversations as JSON",
  "framings": ["json"],
  "records": "events",
  "platform": "unified-inbox",
  "time_zone": "optional",
  "time_format": "iso",
  "options": [],
  "columns": {"external_id": "id", "customer_id": "contact_id", "subject": "subject", "status": "status", "resolved": "status",
    "assigned_agent_id": "assigned_to", "started_at": "created_at", "version": "updated_at", "channel": "type"},
  "identify": [
    {"framing": "json", "score": 90, "all": ["conversation_id", "type"], "any": ["provider_message_id", "direction", "occurred_at"]},
    {"framing": "json", "score": 80, "all": ["id", "contact_id"], "any": ["assigned_to", "archived", "starred", "unread"], "none": ["externalid"]},
    {"framing": "json", "score": 75, "all": ["id", "org_id", "contact_id", "status", "created_at"], "none": ["externalid"]},
    {"framing": "json", "score": 70, "all": ["id", "messages"], "any": ["org_id", "contact_id", "assigned_to"], "none": ["externalid"]}
  ]
})")
