// Exports of any size for benchmarks, always the same for the same arguments.
//
//   bench-data zendesk 1000000 > tickets.csv        41 columns; quotes, line breaks and non-ASCII text where people type
//   bench-data asapp 1000000 > conversations.jsonl  create-or-update bodies, one to four a conversation
//   bench-data inbox 10000000 > activities.jsonl    activities, ten a conversation and far apart, and conversations' rows
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/compile.h>
#include <fmt/format.h>

namespace {

/// splitmix64: good enough, and the same everywhere.
struct Dice {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t end) { return next() % end; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <std::size_t N>
  std::string_view pick(const std::string_view (&from)[N]) {
    return from[below(N)];
  }
};

class Out {
 public:
  ~Out() { flush(); }
  template <class... A>
  void operator()(fmt::format_string<A...> format, A&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<A>(args)...);
    if (text_.size() > (1U << 20)) flush();
  }

 private:
  void flush() {
    if (std::fwrite(text_.data(), 1, text_.size(), stdout) != text_.size()) std::exit(1);
    text_.clear();
  }
  std::string text_;
};

constexpr std::string_view kNames[] = {"Priya Raman",     "Tomás Arriaga",  "Grace Ortega", "Wen-Hao Tsai", "Łukasz Żak",
                                       "Dolores Fuentes", "Sinead O'Neill", "Aiko Tanaka",  "Jörg Müller",  "Colin McAllister"};
constexpr std::string_view kGroups[] = {"Support Tier 1", "Support Tier 2", "Returns & Warranty", "Billing", "Größe & Passform"};
constexpr std::string_view kVia[] = {
    "Mail", "Web Form", "Chat", "Native Messaging", "Phone call (incoming)", "Web Service (API)"};
constexpr std::string_view kStatus[] = {"Closed", "Closed", "Closed", "Solved", "Open", "Pending", "On-hold", "New"};
constexpr std::string_view kScore[] = {"Offered", "Not Offered", "Good", "Bad", "5", "4", ""};
constexpr std::string_view kSubjects[] = {"Order has not arrived",
                                          "Change of delivery address",
                                          "Refund not received",
                                          "¿Dónde está mi pedido?",
                                          "Jacke zu klein, Umtausch möglich?",
                                          "Invoice for last month",
                                          "Broken zipper on tent",
                                          "Login does not work"};

/// Days since 1970 → year, month, day (Howard Hinnant's civil_from_days).
struct Civil {
  std::int64_t year;
  unsigned month, day;
};
Civil civil(std::int64_t days) {
  days += 719468;
  const std::int64_t era = days / 146097;
  const auto doe = static_cast<unsigned>(days - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2), month, doy - (153 * mp + 2) / 5 + 1};
}

std::string minute_text(std::uint64_t minutes) {
  const Civil c = civil(static_cast<std::int64_t>(minutes / 1440));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", c.year, c.month, c.day, minutes / 60 % 24, minutes % 60);
}

std::string second_text(std::uint64_t seconds, std::uint64_t micros, std::string_view zone) {
  const Civil c = civil(static_cast<std::int64_t>(seconds / 86400));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}{}", c.year, c.month, c.day, seconds / 3600 % 24,
                     seconds / 60 % 60, seconds % 60, micros, zone);
}

constexpr std::uint64_t kFirstMinute = 28928160;  // 2025-01-01

/// Of every hundred rows, `refused` have a creation time that is none.
void zendesk(std::uint64_t count, Dice dice, std::uint64_t refused) {
  Out out;
  out("Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester "
      "domain,Submitter,Assignee,Group,"
      "Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned at,Organization,Due date,Initially assigned "
      "at,Solved at,Resolution time,Satisfaction Score,Group stations,Assignee stations,Reopens,Replies,First reply time in "
      "minutes,First reply time in minutes within business hours,First resolution time in minutes,First resolution time in "
      "minutes within business hours,Full resolution time in minutes,Full resolution time in minutes within business hours,Agent "
      "wait time in minutes,Agent wait time in minutes within business hours,Requester wait time in minutes,Requester wait time "
      "in minutes within business hours,On hold time in minutes,On hold time in minutes within business hours\n");
  // About a year, so that every hour that came twice or never is there.
  const std::uint64_t step = count < 500000 ? 1000000 / count : 1;
  std::uint64_t minute = kFirstMinute;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (dice.chance(50)) minute += step;
    const std::uint64_t person = dice.below(200000);
    const std::uint64_t reply = dice.below(300), full = reply + dice.below(4000), wait = dice.below(500);
    const std::string_view name = dice.pick(kNames), agent = dice.pick(kNames), status = dice.pick(kStatus);
    std::string subject(dice.pick(kSubjects));
    if (dice.chance(60)) subject += fmt::format(", order {:07}", dice.below(1000000));
    const std::uint64_t kind = dice.below(100);
    if (kind < 6)
      subject = fmt::format("\"{}, please\"", subject);
    else if (kind < 8)
      subject = fmt::format("\"Re: \"\"{}\"\"\"", subject);
    else if (kind < 9)
      subject = fmt::format("\"{}\nSent from my phone\"", subject);
    else if (subject.find(',') != std::string::npos)
      subject = '"' + subject + '"';
    const std::string created = i % 100 < refused ? "yesterday" : minute_text(minute);
    const bool solved = status == "Closed" || status == "Solved";
    out("1,{},{},{},C-{},user{}@webmail.example,webmail.example,{},{},{},{},{},{},Normal,{},{},{},{},{},Trailhead "
        "GmbH,,{},{},{},{},"
        "1,{},0,{},{},{},{},{},{},{},{},{},{},{},0,0\n",
        i + 1 > 0 ? 400000 + i : 0, name, 10300560000000 + person, person, person, name, agent, dice.pick(kGroups), subject,
        dice.chance(40) ? "order_status vip" : "", status, dice.pick(kVia), dice.chance(50) ? "Incident" : "Question", created,
        minute_text(minute + full), created, created, solved ? minute_text(minute + full) : "", solved ? full / 60 : 0,
        dice.pick(kScore), 1 + dice.below(2), dice.below(6), reply, reply / 2, full, full / 2, full, full / 2, wait, wait / 2,
        wait, wait / 2);
  }
}

void asapp(std::uint64_t count, Dice dice) {
  Out out;
  std::uint64_t second = kFirstMinute * 60;
  for (std::uint64_t i = 0, conversation = 70000; i < count; ++conversation) {
    second += dice.below(40);
    const std::uint64_t updates = 1 + dice.below(4), person = dice.below(90000);
    const std::string at = second_text(second, dice.below(1000000), "Z");
    for (std::uint64_t u = 0; u < updates && i < count; ++u, ++i) {
      const std::uint64_t agent = dice.below(400);
      out("{{\"id\":\"01JMJ2HVFEZMMXFT{:010}\",\"externalId\":\"fw-chat-{}\",\"agent\":{{\"externalId\":\"agent-{}\",\"name\":\"{"
          "}\"}},"
          "\"customer\":{{\"externalId\":\"C-{}\",\"name\":\"{}\"}},\"metadata\":{{\"organizationalGroup\":\"consumer\","
          "\"subdivision\":\"us-west\",\"platform\":\"{}\",\"queue\":\"orders-{}\",\"language\":\"en\"}},\"timestamp\":\"{}\"}}"
          "\n",
          conversation, conversation, agent, kNames[agent % 10], person, kNames[person % 10], u % 2 == 0 ? "web" : "android",
          agent % 7, at);
    }
  }
}

void inbox(std::uint64_t count, Dice dice) {
  Out out;
  const std::uint64_t conversations = count / 10 + 1;
  const std::uint64_t first = kFirstMinute * 60;
  const auto uuid = [](std::uint64_t n, std::uint64_t kind) {
    Dice own{n * 4 + kind};
    const std::uint64_t a = own.next(), b = own.next();
    return fmt::format("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xfff, b >> 52,
                       b & 0xffffffffffff);
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t conversation = dice.below(conversations);
    const std::uint64_t second = first + conversation * 5 + dice.below(200000);
    const std::uint64_t kind = dice.below(10);
    const bool call = kind < 3, email = kind >= 7, inbound = dice.chance(50);
    const std::string at = second_text(second, dice.below(1000000), "+00:00");
    const std::string id = uuid(conversation, 0);
    if (i % 10 == 0) {
      const std::string row = uuid(i / 10, 0);
      out("{{\"id\":\"{}\",\"org_id\":\"021ca84f-6bcd-43b9-b92d-1cab975c425f\",\"contact_id\":\"{}\",\"subject\":\"{}\","
          "\"status\":\"{}\","
          "\"assigned_to\":null,\"starred\":false,\"archived\":false,\"unread\":false,\"created_at\":\"{}\",\"updated_at\":\"{}"
          "\"}}\n",
          row, uuid(i / 10, 2), kSubjects[i / 10 % 8], i % 20 == 0 ? "open" : "closed", at, at);
    }
    out("{{\"id\":\"{}\",\"org_id\":\"021ca84f-6bcd-43b9-b92d-1cab975c425f\",\"conversation_id\":\"{}\",\"type\":\"{}\","
        "\"direction\":\"{}\","
        "\"provider_message_id\":\"SM{:016x}\",\"status\":\"delivered\",\"user_id\":{},\"created_at\":\"{}\"{}}}\n",
        uuid(i, 1), id,
        call    ? "call"
        : email ? "email"
                : "sms",
        inbound ? "inbound" : "outbound", i * 2654435761U,
        inbound ? std::string("null") : fmt::format("\"{}\"", uuid(dice.below(300), 3)), at,
        call ? fmt::format(",\"duration\":{}", dice.below(1800)) : std::string());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc > 1 ? argv[1] : "";
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const Dice dice{argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1};
  if (count != 0 && kind == "zendesk")
    zendesk(count, dice, argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0);
  else if (count != 0 && kind == "asapp")
    asapp(count, dice);
  else if (count != 0 && kind == "inbox")
    inbox(count, dice);
  else
    return std::fputs("usage: bench-data zendesk|asapp|inbox COUNT [SEED [PERCENT OF TICKETS THAT ARE REJECTS]]\n", stderr), 2;
  return 0;
}
