// Zendesk's account export (tickets as CSV) and its kin.
//
// What the columns mean: Zendesk help, "Exporting ticket, user, or organization data from your account". Times are in the
// account's zone and carry none. Durations come twice, in calendar and in business hours; one never stands in for the
// other.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crosswalk/plugin.hpp"

namespace {

namespace cp = crosswalk::plugin;

struct Column {
  cw_target target;
  cw_how how;
  std::array<std::string_view, 5> names;  // the standard spelling first
};

constexpr Column kColumns[] = {
    {CW_EXTERNAL_ID, CW_DEFAULT, {"Id", "Ticket ID", "Zendesk Ticket ID"}},
    {CW_CHANNEL, CW_DEFAULT, {"Via", "Channel", "Source"}},
    {CW_QUEUE_ID, CW_DEFAULT, {"Group", "Group name"}},
    {CW_ASSIGNED_AGENT_ID, CW_DEFAULT, {"Assignee"}},
    {CW_SUBJECT, CW_DEFAULT, {"Subject"}},
    {CW_STATUS, CW_DEFAULT, {"Status"}},
    {CW_STARTED_AT, CW_DEFAULT, {"Created at", "Created"}},
    {CW_ENDED_AT, CW_DEFAULT, {"Solved at", "Solved"}},
    {CW_VERSION, CW_DEFAULT, {"Updated at", "Updated"}},
    {CW_CSAT_SCORE, CW_DEFAULT, {"Satisfaction Score", "Satisfaction"}},
};

// Whom the ticket is from: the first of these that has a value.
constexpr std::string_view kRequester[] = {"Requester id", "Requester email", "Requester"};

struct Duration {
  cw_target target;
  std::array<std::string_view, 4> calendar;
  std::string_view business;
};

constexpr Duration kDurations[] = {
    {CW_WAIT_TIME,
     {"Requester wait time in minutes", "Requester wait time (in minutes)", "Requester wait time (min)", "Requester wait time"},
     "Requester wait time in minutes within business hours"},
    {CW_FIRST_RESPONSE_TIME,
     {"First reply time in minutes", "First reply time (in minutes)", "First reply time (min)", "First reply time"},
     "First reply time in minutes within business hours"},
};

// The other columns of the standard header: known, and carried under their own names.
constexpr std::string_view kCarried[] = {"Requester external id",
                                         "Requester domain",
                                         "Submitter",
                                         "Priority",
                                         "Ticket type",
                                         "Updated at",
                                         "Assigned at",
                                         "Organization",
                                         "Due date",
                                         "Initially assigned at",
                                         "Resolution time",
                                         "Group stations",
                                         "Assignee stations",
                                         "Reopens",
                                         "Replies",
                                         "First reply time in minutes",
                                         "First reply time in minutes within business hours",
                                         "First resolution time in minutes",
                                         "First resolution time in minutes within business hours",
                                         "Full resolution time in minutes",
                                         "Full resolution time in minutes within business hours",
                                         "Agent wait time in minutes",
                                         "Agent wait time in minutes within business hours",
                                         "Requester wait time in minutes",
                                         "Requester wait time in minutes within business hours",
                                         "On hold time in minutes",
                                         "On hold time in minutes within business hours"};

// Message texts: no columns of the account export, but of others with the same shape.
constexpr std::string_view kBodies[] = {"Description", "Latest comment"};

// Via: display names of the export and words of the API.
constexpr std::pair<std::string_view, std::string_view> kChannels[] = {
    {"mail", "email"},
    {"email", "email"},
    {"web form", "email"},
    {"web", "email"},
    {"help center", "email"},
    {"help centre", "email"},
    {"helpcenter", "email"},
    {"help center post", "email"},
    {"web widget", "email"},
    {"closed ticket", "email"},
    {"dropbox", "email"},
    {"feedback tab", "email"},
    {"mobile", "email"},
    {"recovered from suspended tickets", "email"},
    {"mailgun", "email"},
    {"chat", "chat"},
    {"native messaging", "chat"},
    {"messaging", "chat"},
    {"mobile sdk", "chat"},
    {"logmein rescue", "chat"},
    {"chat transcript", "chat"},
    {"chat offline message", "chat"},
    {"iphone", "chat"},
    {"apple business chat", "chat"},
    {"voice", "phone"},
    {"voicemail", "phone"},
    {"phone", "phone"},
    {"phone call", "phone"},
    {"phone call inbound", "phone"},
    {"phone call outbound", "phone"},
    {"phone call (incoming)", "phone"},
    {"phone call (inbound)", "phone"},
    {"phone call (outbound)", "phone"},
    {"api voicemail", "phone"},
    {"api phone call inbound", "phone"},
    {"api phone call outbound", "phone"},
    {"cti voicemail", "phone"},
    {"cti phone call", "phone"},
    {"cti phone call (incoming)", "phone"},
    {"cti phone call (inbound)", "phone"},
    {"cti phone call (outbound)", "phone"},
    {"text message", "sms"},
    {"sms", "sms"},
    {"messagebird sms", "sms"},
    {"twilio sms", "sms"},
    {"google rcs", "sms"},
    {"twitter", "social"},
    {"twitter dm", "social"},
    {"twitter favorite", "social"},
    {"twitter like", "social"},
    {"x", "social"},
    {"x dm", "social"},
    {"x like", "social"},
    {"x corp", "social"},
    {"facebook", "social"},
    {"facebook post", "social"},
    {"facebook message", "social"},
    {"facebook private message", "social"},
    {"instagram", "social"},
    {"instagram dm", "social"},
    {"whatsapp", "social"},
    {"wechat", "social"},
    {"line", "social"},
    {"telegram", "social"},
    {"viber", "social"},
    {"kakaotalk", "social"},
    {"google business messages", "social"},
    {"get satisfaction", "social"},
    {"topic", "social"},
    {"forum", "social"},
    {"blog", "social"},
    {"any channel", "social"},
    {"channel framework", "social"},
    {"sunshine conversations facebook messenger", "social"},
    {"sunshine conversations twitter dm", "social"},
    {"business messaging slack connect", "social"},
    {"api", "back_office"},
    {"web service", "back_office"},
    {"web service (api)", "back_office"},
    {"rule", "back_office"},
    {"business rule", "back_office"},
    {"linked problem", "back_office"},
    {"group deletion", "back_office"},
    {"user change", "back_office"},
    {"user deletion", "back_office"},
    {"group change", "back_office"},
    {"resource push", "back_office"},
    {"merge", "back_office"},
    {"ticket merge", "back_office"},
    {"user merge", "back_office"},
    {"batch", "back_office"},
    {"ticket sharing", "back_office"},
    {"satisfaction prediction", "back_office"},
    {"side conversation", "back_office"},
    {"sample ticket", "back_office"},
    {"github", "back_office"},
    {"import", "back_office"},
    {"sunshine conversations api", "back_office"},
};

constexpr std::pair<std::string_view, std::string_view> kStatuses[] = {
    {"new", "new"},         {"open", "open"},     {"pending", "pending"}, {"hold", "on_hold"},
    {"on hold", "on_hold"}, {"solved", "solved"}, {"closed", "closed"},   {"deleted", "deleted"},
};

/// Columns by name: the exact spelling first, else the one that is alike but for case and blanks.
class Header {
 public:
  Header(std::uint16_t first, cp::Names names) : first_(first) {
    for (const cw_text name : names) {
      exact_.emplace_back(cp::view(name));
      folded_.push_back(cp::folded(cp::view(name)));
    }
  }
  /// The field id of a column, or -1.
  [[nodiscard]] int find(std::string_view name) const {
    for (std::size_t i = 0; i < exact_.size(); ++i) {
      if (exact_[i] == name) return first_ + static_cast<int>(i);
    }
    int found = -1;
    const std::string wanted = cp::folded(name);
    for (std::size_t i = 0; i < folded_.size(); ++i) {
      if (folded_[i] != wanted) continue;
      if (found >= 0) {
        throw cp::Failure("the columns \"" + std::string(exact_[static_cast<std::size_t>(found - first_)]) + "\" and \"" +
                              std::string(exact_[i]) + "\" could both be \"" + std::string(name) + "\"",
                          "rename one of them");
      }
      found = first_ + static_cast<int>(i);
    }
    return found;
  }
  template <class List>
  [[nodiscard]] int find_any(const List& names) const {
    for (const std::string_view name : names) {
      if (name.empty()) continue;
      if (const int id = find(name); id >= 0) return id;
    }
    return -1;
  }
  [[nodiscard]] std::string_view name(int id) const { return exact_[static_cast<std::size_t>(id - first_)]; }

 private:
  int first_;
  std::vector<std::string_view> exact_;
  std::vector<std::string> folded_;
};

cw_how unit_of(std::string_view unit) {
  if (unit == "seconds") return CW_SECONDS;
  if (unit == "hours") return CW_HOURS;
  if (unit == "milliseconds") return CW_MILLISECONDS;
  return CW_MINUTES;
}

class ZendeskCsv final : public cp::Translator {
 public:
  explicit ZendeskCsv(cp::Setup& setup)
      : business_hours_(setup.setting("hours") == "business"),
        enriches_(setup.setting("role") == "enrich"),
        handle_column_(setup.setting("handle_time_column")),
        handle_unit_(unit_of(setup.setting("handle_time_unit"))) {
    for (const auto& [word, channel] : kChannels) setup.word(CW_CHANNEL, word, channel);
    for (const auto& [word, status] : kStatuses) setup.word(CW_STATUS, word, status);
    setup.others(CW_STATUS, CW_OTHERS_LOWER);
    if (setup.setting("deleted") == "filter") setup.absent(CW_RESOLVED, "deleted");
    for (const auto& [word, status] : kStatuses) {
      if (status == "deleted") continue;  // says nothing of that
      setup.word(CW_RESOLVED, word, status == "solved" || status == "closed" ? "true" : "false");
    }
    for (const std::string_view good : {"good", "good with comment"}) setup.word(CW_CSAT_SCORE, good, setup.setting("csat_good"));
    for (const std::string_view bad : {"bad", "bad with comment"}) setup.word(CW_CSAT_SCORE, bad, setup.setting("csat_bad"));
    for (const std::string_view none : {"Offered", "Not Offered", "Unoffered", "-"}) { setup.absent(CW_CSAT_SCORE, none); }
    for (const cw_target time : {CW_STARTED_AT, CW_ENDED_AT, CW_VERSION}) {
      for (const std::string_view none : {"-", "1900-01-01 00:00:00", "1900-01-01 00:00"}) setup.absent(time, none);
    }
    for (const cw_target text :
         {CW_QUEUE_ID, CW_ASSIGNED_AGENT_ID, CW_CUSTOMER_ID, CW_CHANNEL, CW_WAIT_TIME, CW_FIRST_RESPONSE_TIME, CW_HANDLE_TIME}) {
      setup.absent(text, "-");
    }
  }

  void bind(std::uint16_t first, cp::Names names, cp::Binder& binder) override {
    const Header header(first, names);
    for (const std::string_view name : kCarried) {
      if (const int id = header.find(name); id >= 0) binder.carry(at(id), header.name(id));
    }
    for (const std::string_view name : kBodies) {
      if (const int id = header.find(name); id >= 0) binder.body(at(id), header.name(id));
    }
    for (const Column& column : kColumns) bind_column(column, header, binder);
    for (std::uint32_t rank = 0; rank < std::size(kRequester); ++rank) {
      if (const int id = header.find(kRequester[rank]); id >= 0) binder.map(at(id), CW_CUSTOMER_ID, CW_DEFAULT, rank);
    }
    for (const Duration& duration : kDurations) {
      const int id = business_hours_ ? header.find(duration.business) : header.find_any(duration.calendar);
      if (id >= 0) binder.map(at(id), duration.target, CW_MINUTES);
    }
    bind_handle_time(header, binder);
    if (const int id = header.find("Summation column"); id >= 0) binder.drop(at(id), "summation column");
    if (const int id = header.find("Tags"); id >= 0) binder.carry(at(id), "Tags", CW_WORDS);
  }

 private:
  static std::uint16_t at(int id) { return static_cast<std::uint16_t>(id); }

  void bind_column(const Column& column, const Header& header, cp::Binder& binder) const {
    const int id = header.find_any(column.names);
    if (id < 0) {
      if (column.target != CW_EXTERNAL_ID && (column.target != CW_STARTED_AT || enriches_)) return;
      throw cp::Failure(
          "the header has no column \"" + std::string(column.names[0]) + "\"",
          column.target == CW_EXTERNAL_ID ? "export the tickets with their ids" : "export the tickets with their creation time");
    }
    binder.map(at(id), column.target, column.how);
    if (column.target == CW_STATUS) binder.map(at(id), CW_RESOLVED);
  }

  void bind_handle_time(const Header& header, cp::Binder& binder) const {
    if (handle_column_.empty()) return;
    const int id = header.find(handle_column_);
    if (id < 0)
      throw cp::Failure("the header has no column \"" + handle_column_ + "\"", "correct the setting handle_time_column");
    binder.map(at(id), CW_HANDLE_TIME, handle_unit_);
  }

  bool business_hours_;
  bool enriches_;
  std::string handle_column_;
  cw_how handle_unit_;
};

}  // namespace

CROSSWALK_ADAPTER(ZendeskCsv, R"({
  "id": "zendesk-csv",
  "version": "1.0.0",
  "abi": 1,
  "summary": "Zendesk account export: tickets as CSV",
  "framings": ["csv"],
  "records": "conversations",
  "platform": "zendesk",
  "time_zone": "required",
  "options": [
    {"name": "hours", "type": "choice", "values": ["calendar", "business"], "default": "calendar",
     "help": "which of the two sets of duration columns counts; never one for the other"},
    {"name": "handle_time_column", "type": "text", "default": "",
     "help": "the column that holds the handle time; the standard export has none"},
    {"name": "handle_time_unit", "type": "choice", "values": ["seconds", "minutes", "hours", "milliseconds"], "default": "minutes",
     "help": "unit of handle_time_column"},
    {"name": "csat_good", "type": "number", "default": "5", "help": "score of a Good rating"},
    {"name": "csat_bad", "type": "number", "default": "1", "help": "score of a Bad rating"}
  ],
  "columns": {"external_id": "id", "channel": "via", "queue_id": "group", "assigned_agent_id": "assignee",
    "customer_id": "requester", "subject": "subject", "status": "status", "resolved": "status", "started_at": "created at",
    "ended_at": "solved at", "version": "updated at", "csat_score": "satisfaction score",
    "wait_time_seconds": "requester wait time in minutes", "first_response_time_seconds": "first reply time in minutes"},
  "identify": [
    {"framing": "csv", "score": 90, "all": ["id", "via", "created at", "status"],
     "any": ["requester id", "requester", "group", "assignee", "ticket type", "satisfaction score"]}
  ]
})")
