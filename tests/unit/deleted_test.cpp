// What the merge makes of conversations and messages that their source has deleted.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "merging.hpp"

using namespace crosswalk;
using Json = nlohmann::ordered_json;

namespace {

/// A ticket, or a record of a timeline, at a place of its own.
Said ticket(std::uint32_t source, std::string_view id, std::int64_t updated, std::string_view status) {
  static std::uint64_t place = 0;
  Said s = say(id, ++place, updated);
  s.what.source = source;
  s.what.conversation.channel = Channel::email;
  s.what.conversation.started_at = Instant{100, 0};
  s.what.conversation.status = status;
  return s;
}

Said message(std::string_view id, std::int64_t updated, std::uint64_t touchpoint, bool deleted) {
  Said s = ticket(0, id, updated, "");
  s.what.conversation = {};
  s.what.conversation.external_id = id;
  s.what.says = Contribution::kSaysPlatform;
  s.touchpoints = {touch(touchpoint, updated, TouchKind::sms, Direction::inbound)};
  s.touchpoints.front().deleted = deleted;
  s.touchpoints.front().version = s.what.version;
  return s;
}

/// "place:fate " of each record, in the order of `all`.
std::string fates(const Merged& merged, const std::vector<Said>& all) {
  std::string told;
  for (const Said& s : all) {
    for (std::size_t at = 0; at < merged.ledger.size();) {
      const std::size_t end = merged.ledger.find('\n', at);
      const Json line = Json::parse(merged.ledger.substr(at, end - at));
      if (line.at("offset") == s.what.origin.offset) told += line.at("fate").get<std::string>() + " ";
      at = end + 1;
    }
  }
  return told;
}

}  // namespace

TEST_CASE("deleted: the newest record of a snapshot decides, and its books balance") {
  Merging merging({"crm"});
  merging.plan.sources[0].snapshot = true;
  const std::vector<Said> gone = {ticket(0, "1", 2, "deleted"), ticket(0, "1", 1, "open")};
  const Merged merged = merging.run(gone);
  CHECK(merged.conversations.empty());
  CHECK(fates(merged, gone) == "filtered superseded ");
  CHECK(merged.sources[0].superseded == 1);
  CHECK(merged.sources[0].books.filtered_total() == 1);
  const std::vector<Said> back = {ticket(0, "1", 1, "deleted"), ticket(0, "1", 2, "open")};
  CHECK(fates(merging.run(back), back) == "superseded written ");
  merging.config(0).filter_deleted = false;
  CHECK(fates(merging.run(gone), gone) == "written superseded ");
}

TEST_CASE("deleted: it joins nothing, names nothing, and stands in nobody's way") {
  Merging merging({"crm", "chat"});
  merging.plan.sources[0].snapshot = true;
  merging.link(0, Target::subject, 1, Target::external_id);
  Said gone = ticket(0, "a", 1, "deleted"), chat = ticket(1, "c", 1, "open");
  gone.what.conversation.subject = "c";
  const Merged apart = merging.run({gone, chat});
  CHECK(apart.conversations.starts_with("{\"external_id\":\"c\""));
  CHECK(apart.links.groups == 0);
  // Of one id in two scopes the other one is there.
  Said first = ticket(0, "1", 1, "deleted"), second = ticket(0, "1", 1, "open");
  first.what.scope = "acme";
  second.what.scope = "bolt";
  CHECK(fates(merging.run({first, second}), {first, second}) == "filtered written ");
}

TEST_CASE("deleted: what only adds to a conversation goes with it") {
  Merging merging({"crm", "survey"});
  merging.plan.sources[0].snapshot = true;
  merging.plan.sources[1].enrich = true;
  Said score = ticket(1, "1", 1, "");
  score.what.conversation.csat_score = Decimal{5, 0};
  const std::vector<Said> all = {ticket(0, "1", 1, "deleted"), score};
  const Merged merged = merging.run(all);
  CHECK(merged.updates.empty());
  CHECK(fates(merged, all) == "filtered filtered ");
}

TEST_CASE("deleted: a message takes back older readings of it, and its own record is left out") {
  Merging merging({"inbox"});
  const std::vector<Said> all = {message("1", 2, 7, true), message("1", 1, 7, false), message("1", 3, 8, false)};
  const Merged merged = merging.run(all);
  CHECK(merged.conversations.find("\"started_at\":\"1970-01-01T00:00:03Z\"") != std::string::npos);
  CHECK(merged.conversations.find("{\"sms\":1}") != std::string::npos);
  CHECK(merged.sources[0].deleted_touchpoints == 1);
  CHECK(merged.sources[0].repeated_touchpoints == 0);
  CHECK(fates(merged, all) == "filtered written merged ");
  // Told again later, it is there again.
  const std::vector<Said> back = {message("1", 1, 7, true), message("1", 2, 7, false)};
  CHECK(fates(merging.run(back), back) == "filtered written ");
  // Nothing but deleted messages is no conversation.
  const std::vector<Said> none = {message("1", 1, 7, false), message("1", 2, 7, true)};
  const Merged nothing = merging.run(none);
  CHECK(nothing.conversations.empty());
  CHECK(nothing.rejects.empty());
  CHECK(fates(nothing, none) == "filtered filtered ");
}
