// The merge is a monoid, of snapshots, updates and events, with deletions: random contributions, so few ids, sources and values
// that they collide all the time, must give the same bytes in any order, split, duplication, memory and number of threads. A
// failure prints what it takes to run it again (RC_PARAMS), and the smallest case found.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <initializer_list>
#include <ostream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "encode/conversation_json.hpp"
#include "merge/state.hpp"
#include "merging.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

std::ostream& operator<<(std::ostream& out, const Version& v) {
  if (v.seconds == INT64_MIN) return out << '@' << v.file << ':' << v.offset;
  return out << '@' << v.seconds << '.' << v.nanos;
}
std::ostream& operator<<(std::ostream& out, const std::optional<Decimal>& d) {
  return d ? out << d->digits << 'e' << -int{d->scale} << ' ' : out << "- ";
}
std::ostream& operator<<(std::ostream& out, const std::optional<Instant>& i) {
  return i ? out << i->seconds << '.' << i->nanos << ' ' : out << "- ";
}

void show(std::ostream& out, const Conversation& c) {
  for (const std::string_view text :
       {c.external_id, c.platform, c.queue_id, c.assigned_agent_id, c.customer_id, c.subject, c.status}) {
    out << '"' << text << "\" ";
  }
  out << int(c.channel) << " started " << c.started_at;
  if (c.started_at) out << int(c.started_how) << c.started_by_evidence << ' ';
  out << "ended " << c.ended_at;
  if (c.ended_at) out << int(c.ended_how) << c.ended_by_evidence << ' ';
  out << c.handle_time << c.wait_time << c.first_response_time << c.csat_score << (c.resolved ? int{*c.resolved} : -1);
}

void show(std::ostream& out, const Touchpoint& t) {
  out << " [" << t.id.low << ' ' << std::optional(t.at) << int(t.how) << int(t.kind) << int(t.direction) << ' '
      << (t.has_duration ? std::optional(t.duration) : std::nullopt) << t.user << ' ' << t.subject << t.version
      << (t.deleted ? " deleted]" : "]");
}

void showValue(const Said& s, std::ostream& out) {
  out << "\n  source " << s.what.source << " id " << s.what.id << " scope " << s.what.scope << " at " << s.what.origin.file << ':'
      << s.what.origin.offset << ' ' << s.what.version << ' ';
  show(out, s.what.conversation);
  for (const MetadataItem& m : s.metadata) out << ' ' << m.key << m.value.substr(0, 20);
  for (const Touchpoint& t : s.touchpoints) show(out, t);
}

}  // namespace crosswalk

using namespace crosswalk;

namespace {

// As many cases as take some seconds; RC_PARAMS may ask for more, or for one again.
[[maybe_unused]] const int kCases = ::setenv("RC_PARAMS", "max_success=500", 0);

/// rc::check(), but the search for a smaller case that fails ends after some seconds, before a time limit ends it unsaid.
bool holds(const char* what, const auto& property) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> failed;
  return rc::check(what, [&] {
    if (failed && Clock::now() - *failed > std::chrono::seconds(5)) return;
    try {
      property();
    } catch (...) {  // rapidcheck's own
      if (!failed) failed = Clock::now();
      throw;
    }
  });
}

/// Of the whole range from the first case on; rapidcheck's own begins with its smallest values.
template <class T>
T pick(T from, T until) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, until));
}
template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}
bool now_and_then() { return pick(0, 3) == 0; }

/// Keeps texts until the program ends.
std::string_view kept(std::string text) {
  static std::set<std::string> all;
  return *all.insert(std::move(text)).first;
}

std::string_view word() { return one_of<std::string_view>({"", "", "a", "b", "ab"}); }
Instant instant() { return {pick<std::int64_t>(0, 3), one_of<std::uint32_t>({0, 500'000'000})}; }
std::optional<Decimal> decimal() {
  if (!now_and_then()) return std::nullopt;
  return one_of<Decimal>({{1, 0}, {10, 1}, {2, 0}, {25, 1}});  // 1 and 1.0 are one number
}
Known how() { return static_cast<Known>(pick(0, int{kKnownCount})); }

Conversation conversation() {
  Conversation c;
  for (const auto field : {&Conversation::platform, &Conversation::queue_id, &Conversation::assigned_agent_id,
                           &Conversation::customer_id, &Conversation::subject, &Conversation::status}) {
    c.*field = word();
  }
  if (pick(0, 8) == 0) c.status = kDeletedStatus;
  c.channel = one_of({Channel::none, Channel::none, Channel::phone, Channel::chat});
  for (const auto field :
       {&Conversation::handle_time, &Conversation::wait_time, &Conversation::first_response_time, &Conversation::csat_score}) {
    c.*field = decimal();
  }
  if (now_and_then()) c.resolved = one_of({false, true});
  if (one_of({false, true})) {
    c.started_at = instant();
    c.started_how = how();
    c.started_by_evidence = now_and_then();
  }
  if (now_and_then()) {
    c.ended_at = instant();
    c.ended_how = how();
    c.ended_by_evidence = now_and_then();
  }
  return c;
}

Touchpoint touchpoint() {
  Touchpoint t =
      touch(pick<std::uint64_t>(1, 4), 0, static_cast<TouchKind>(pick(1, int{kTouchKinds})), static_cast<Direction>(pick(0, 4)));
  t.at = instant();
  t.how = how();
  const auto duration = decimal();
  t.has_duration = duration.has_value();
  t.duration = duration.value_or(Decimal());
  t.user = word();
  t.subject = word();
  return t;
}

/// A touchpoint that its source has deleted.
Touchpoint deletion() {
  Touchpoint t;
  t.id = {pick<std::uint64_t>(1, 4), 0};
  t.deleted = true;
  return t;
}

std::string column_set(std::initializer_list<std::pair<std::string_view, std::uint32_t>> columns) {
  ColumnSetText text;
  text.begin(false);
  for (const auto& [key, targets] : columns) text.add(key, key, targets);
  return std::string(text.finish());
}
std::uint32_t bit(Target target) { return 1U << static_cast<unsigned>(target); }
/// Of what the records of a snapshot may have: all, or only some.
const std::string kAllColumns = column_set({{"\"a\":", 0}, {"\"b\":", 0}, {"\"touchpoints\":", 0}, {"", ~0U}}),
                  kSomeColumns = column_set({{"\"a\":", 0}, {"", bit(Target::subject) | bit(Target::started_at)}}),
                  kOtherColumns = column_set({{"\"b\":", 0}, {"", bit(Target::subject) | bit(Target::ended_at)}});

/// What one record says, of whatever conversation.
Said record() {
  Said s = say("1", pick<std::uint64_t>(0, 4), one_of<std::int64_t>({INT64_MIN, 1, 2}));
  s.what.origin.file = pick<std::uint32_t>(0, 2);
  s.what.version.file = s.what.origin.file;
  if (s.what.version.dated()) s.what.version.nanos = pick<std::uint32_t>(0, 2);
  s.what.conversation = conversation();
  s.what.conversation.external_id = "1";
  s.what.own_column_set = one_of<std::string_view>({kAllColumns, kAllColumns, kSomeColumns, kOtherColumns});
  for (const std::string_view key : {"\"a\":", "\"b\":", "\"touchpoints\":"}) {
    if (now_and_then()) s.metadata.push_back({key, one_of<std::string_view>({"1", "\"x\"", "[2]"})});
  }
  for (int n = now_and_then() ? pick(0, 4) : 0; n > 0; --n) s.touchpoints.push_back(now_and_then() ? deletion() : touchpoint());
  s.what.refused_end = !s.what.conversation.ended_at && pick(0, 8) == 0;
  // As the records of a timeline: a touchpoint and little else, or that it is deleted and nothing else.
  if (now_and_then()) {
    s.what.says = Contribution::kSaysPlatform;
    s.what.conversation = {};
    s.what.conversation.external_id = "1";
    s.what.conversation.platform = word();
    s.metadata.clear();
    s.touchpoints = {one_of({false, true}) ? deletion() : touchpoint()};
  }
  for (Touchpoint& t : s.touchpoints) t.version = s.what.version;
  return s;
}

std::vector<Said> some_records(const std::string& name) {
  const auto gen = rc::gen::scale(0.3, rc::gen::container<std::vector<Said>>(rc::gen::exec(record)));
  return *gen.as(name);
}

State state_of(const std::vector<Said>& all) {
  State state;
  for (const Said& s : all) {
    Contribution c = s.what;
    c.metadata = s.metadata;
    c.touchpoints = s.touchpoints;
    state.join(c);
  }
  return state;
}

State joined(State a, const State& b) {
  a.join(b);
  return a;
}

State settled(State state) {
  state.settle();
  return state;
}

/// All there is to a state but its counts, before and after its touchpoints were asked.
std::string dump(State state) {
  std::ostringstream out;
  state.settle();
  for (int derived = 0; derived < 2; ++derived) {
    out << state.id << '/' << state.scope << " from " << state.origin.file << ':' << state.origin.offset << ' ';
    show(out, state.conversation);
    for (const Version& v : state.versions) out << v;
    for (const State::Meta& m : state.metadata) out << ' ' << m.key << m.value << m.version;
    for (const Touchpoint& t : state.touchpoints) show(out, t);
    out << " without";
    for (const Touchpoint& t : state.taken_back) show(out, t);
    if (state.records != 0) derive_from_touchpoints(state);
  }
  return out.str();
}

}  // namespace

TEST_CASE("property: joining states is associative, commutative and idempotent; nothing is neutral") {
  CHECK(holds("State::join", [] {
    const State a = state_of(some_records("a")), b = state_of(some_records("b")), c = state_of(some_records("c"));
    const std::string all = dump(joined(joined(a, b), c));
    RC_ASSERT(dump(joined(a, joined(b, c))) == all);
    RC_ASSERT(dump(joined(c, joined(b, a))) == all);
    RC_ASSERT(dump(joined(joined(a, b), joined(b, c))) == all);
    // Lists may be put in order in between.
    RC_ASSERT(dump(joined(settled(joined(settled(a), settled(b))), c)) == all);
    RC_ASSERT(dump(joined(a, a)) == dump(a));
    RC_ASSERT(dump(joined(a, State())) == dump(a));
    RC_ASSERT(dump(joined(State(), a)) == dump(a));
    RC_ASSERT(joined(joined(a, b), c).records == a.records + b.records + c.records);
  }));
}

TEST_CASE("property: a state is the same for any order of its records, however often each comes") {
  CHECK(holds("State::join of contributions", [] {
    std::vector<Said> all = some_records("records");
    const std::string expected = dump(state_of(all));
    std::vector<Said> again = all;
    for (const Said& s : all) {
      if (now_and_then()) again.push_back(s);
    }
    std::shuffle(again.begin(), again.end(), std::mt19937(*rc::gen::arbitrary<std::uint32_t>()));
    RC_ASSERT(dump(state_of(again)) == expected);
  }));
}

TEST_CASE("property: what an entry is given comes back") {
  CHECK(holds("add_entry, decode", [] {
    const std::vector<Said> all = some_records("records");
    Buffer entries;
    for (const Said& s : all) s.add_to(entries);
    Contributions contributions;
    State read;
    each_entry(entries.view(),
               [&](std::string_view key, std::string_view payload) { read.join(contributions.decode(key, payload)); });
    RC_ASSERT(dump(read) == dump(state_of(all)));
  }));
}

namespace {

/// Records of a few conversations of three sources, each at a place of its own.
std::vector<Said> records_of_sources(const IdTemplate& external_id) {
  const auto gen = rc::gen::scale(1.0, rc::gen::container<std::vector<Said>>(rc::gen::exec([external_id] {
                                    Said s = record();
                                    s.what.source = pick<std::uint32_t>(0, 3);
                                    s.what.id = one_of<std::string_view>({"1", "2", "21", "3"});
                                    s.what.scope = one_of<std::string_view>({"", "", "2"});
                                    std::string rendered;
                                    external_id.write({s.what.id, "p", "", "s", s.what.scope}, rendered);
                                    s.what.conversation.external_id = kept(std::move(rendered));
                                    return s;
                                  })));
  std::vector<Said> all = *gen.as("records");
  // Now and then so much that little memory does not hold it.
  static const std::string kLong = '"' + std::string(60'000, 'x') + '"';
  const bool large = pick(0, 5) == 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Said& s = all[i];
    s.what.origin = {s.what.origin.file, i + 1, i};
    s.what.version.offset = i;
    if (large) s.metadata.push_back({"\"large\":", kLong});
  }
  return all;
}

constexpr std::uint64_t kRepeats = 100'000;  // places from here on are of records that come again

std::vector<std::uint32_t> order_of_sources() {
  std::vector<std::uint32_t> order = {0, 1, 2};
  std::shuffle(order.begin(), order.end(), std::mt19937(*rc::gen::arbitrary<std::uint32_t>()));
  return order;
}

/// Sources, rules and links.
Merging some_merging() {
  Merging merging({"crm", "chat", "survey"});
  merging.plan.sources[2].enrich = now_and_then();
  if (now_and_then()) {  // two exports of one account
    merging.plan.sources[1].lead = 0;
    merging.plan.first_inputs = {0, 2, 4};
  }
  merging.plan.by_start = now_and_then();
  for (MergeSource& source : merging.plan.sources) source.snapshot = now_and_then();
  if (now_and_then()) merging.config(0).default_channel = "email";
  for (const Target target : {Target::external_id, Target::subject, Target::started_at, Target::ended_at, Target::csat_score}) {
    if (now_and_then()) merging.prefer(target, order_of_sources());
  }
  if (!now_and_then()) merging.link(0, Target::subject, 1, Target::subject);
  if (now_and_then()) merging.link(1, Target::customer_id, 2, Target::external_id);
  if (!now_and_then()) merging.plan.several = {!now_and_then(), true, true};
  return merging;
}

IdTemplate some_template() {
  auto parsed = IdTemplate::parse(one_of<std::string_view>({"{id}", "{scope}/{id}", "{scope}{id}"}));  // the last is ambiguous
  return *parsed;
}

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  std::sort(all.begin(), all.end());
  return all;
}

/// Codes, counts and the first of each.
std::string findings_of(const Finished::Accounts& accounts) {
  Summary summary;
  accounts.findings.enter({}, summary);
  std::string all;
  for (const auto& [code, f] : summary.findings) {
    all +=
        code + ' ' + std::to_string(f.count) + ' ' + std::to_string(f.file) + ':' + std::to_string(f.offset) + f.message + '\n';
  }
  return all;
}

void assert_same_accounts(const Merged& a, const Merged& b) {
  for (std::size_t i = 0; i < a.sources.size(); ++i) {
    const Finished::Accounts &x = a.sources[i], &y = b.sources[i];
    RC_ASSERT(x.written == y.written);
    RC_ASSERT(x.updates == y.updates);
    RC_ASSERT(x.merged == y.merged);
    RC_ASSERT(x.superseded == y.superseded);
    RC_ASSERT(findings_of(x) == findings_of(y));
    RC_ASSERT(x.repeated_touchpoints == y.repeated_touchpoints);
    RC_ASSERT(x.deleted_touchpoints == y.deleted_touchpoints);
    RC_ASSERT(x.books.rejected_total == y.books.rejected_total);
    RC_ASSERT(x.books.filtered == y.books.filtered);
  }
}

void assert_same_links(const LinkReport& a, const LinkReport& b) {
  RC_ASSERT(a.groups == b.groups);
  RC_ASSERT(a.conflicts == b.conflicts);
  for (std::size_t i = 0; i < a.rules.size(); ++i) {
    RC_ASSERT(a.rules[i].left == b.rules[i].left);
    RC_ASSERT(a.rules[i].right == b.rules[i].right);
    RC_ASSERT(a.rules[i].joined == b.rules[i].joined);
  }
}

}  // namespace

TEST_CASE("property: any order, split, memory and number of threads gives the same bytes, and the books balance") {
  CHECK(holds("Merger", [] {
    Merging merging = some_merging();
    std::vector<Said> all = records_of_sources(some_template());
    const Merged expected = merging.run(all);
    RC_ASSERT(expected.error == "");
    RC_ASSERT(sorted_lines(expected.ledger).size() == all.size());
    std::uint64_t accounted = 0;
    bool deletes = false;
    for (const Finished::Accounts& a : expected.sources) {
      accounted += a.written + a.updates + a.merged + a.superseded + a.books.rejected_total + a.books.filtered_total();
      if (a.books.filtered_total() != 0) deletes = true;
    }
    RC_ASSERT(accounted == all.size());
    RC_CLASSIFY(deletes, "deleted");

    std::shuffle(all.begin(), all.end(), std::mt19937(*rc::gen::arbitrary<std::uint32_t>()));
    merging.limits.jobs = pick(1U, 9U);
    merging.limits.memory = one_of<std::size_t>({1, 4, 64}) << 20;
    const Merged got = merging.run(all, pick<std::size_t>(1, all.size() + 2));
    RC_CLASSIFY(got.spilled, "spilled");
    RC_CLASSIFY(!merging.links.empty() && got.links.groups != 0, "linked");
    RC_ASSERT(got.error == "");
    RC_ASSERT(got.conversations == expected.conversations);
    RC_ASSERT(got.updates == expected.updates);
    RC_ASSERT(got.ledger == expected.ledger);
    RC_ASSERT(sorted_lines(got.rejects) == sorted_lines(expected.rejects));
    assert_same_accounts(got, expected);
    assert_same_links(got.links, expected.links);
  }));
}

TEST_CASE("property: records with update times that come again change nothing but the count of records") {
  CHECK(holds("Merger, duplicates", [] {
    Merging merging = some_merging();
    std::vector<Said> all = records_of_sources(some_template());
    // Of equal update times the place decides, and it would be another one.
    for (std::uint32_t i = 0; i < all.size(); ++i) all[i].what.version.nanos = all[i].what.version.dated() ? i : 0;
    const Merged expected = merging.run(all);
    std::vector<Said> again = all;
    for (const Said& s : all) {
      if (s.what.version.seconds == INT64_MIN || !now_and_then()) continue;
      again.push_back(s);  // at another place
      const std::uint64_t place = again.size() + kRepeats;
      again.back().what.origin = {1, place, place};
      again.back().what.version.file = 1;
      again.back().what.version.offset = place;
    }
    std::shuffle(again.begin(), again.end(), std::mt19937(*rc::gen::arbitrary<std::uint32_t>()));
    const Merged got = merging.run(again);
    RC_ASSERT(got.error == "");
    RC_ASSERT(got.conversations == expected.conversations);
    RC_ASSERT(got.updates == expected.updates);
    assert_same_links(got.links, expected.links);
    // What comes again stands behind all others, so these keep their fates.
    std::string first_ones;
    std::istringstream lines(got.ledger);
    for (std::string line; std::getline(lines, line);) {
      if (std::stoull(line.substr(line.find("\"offset\":") + 9)) < kRepeats) first_ones += line + '\n';
    }
    // But for a snapshot's: the record that comes again stands over itself.
    const auto is_snapshot = [](const MergeSource& source) { return source.snapshot; };
    if (std::none_of(merging.plan.sources.begin(), merging.plan.sources.end(), is_snapshot)) {
      RC_ASSERT(first_ones == expected.ledger);
    }
    RC_ASSERT(sorted_lines(got.ledger).size() == again.size());
  }));
}

TEST_CASE("property: where update times differ, the order of the inputs has no say, of snapshots, updates and events") {
  CHECK(holds("Merger, order of inputs", [] {
    Merging merging = some_merging();
    const bool snapshots = one_of({false, true});
    for (MergeSource& source : merging.plan.sources) source.snapshot = snapshots;
    std::vector<Said> all = records_of_sources(some_template());
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      Version& version = all[i].what.version;
      version.seconds = pick<std::int64_t>(0, 3);
      version.nanos = i;
      for (Touchpoint& t : all[i].touchpoints) t.version = version;
    }
    const Merged expected = merging.run(all);
    RC_ASSERT(expected.error == "");
    // The same records at other places.
    std::shuffle(all.begin(), all.end(), std::mt19937(*rc::gen::arbitrary<std::uint32_t>()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto file = pick<std::uint32_t>(0, 2);
      all[i].what.origin = {file, i + 1, i};
      all[i].what.version.file = file;
      all[i].what.version.offset = i;
    }
    const Merged got = merging.run(all, pick<std::size_t>(1, all.size() + 2));
    RC_CLASSIFY(snapshots, "snapshots");
    RC_ASSERT(got.error == "");
    RC_ASSERT(got.conversations == expected.conversations);
    RC_ASSERT(got.updates == expected.updates);
    assert_same_links(got.links, expected.links);
    for (std::size_t i = 0; i < got.sources.size(); ++i) {
      const Finished::Accounts &x = got.sources[i], &y = expected.sources[i];
      RC_ASSERT(x.written == y.written);
      RC_ASSERT(x.merged == y.merged);
      RC_ASSERT(x.superseded == y.superseded);
      RC_ASSERT(x.deleted_touchpoints == y.deleted_touchpoints);
      RC_ASSERT(x.books.filtered == y.books.filtered);
    }
  }));
}

TEST_CASE("property: a sorter is a stable sort, and its stretches are the whole") {
  CHECK(holds("Sorter", [] {
    using Entry = std::pair<std::string, std::string>;
    // Keys of few bytes that are hard to sort by numbers, with a prefix that all of a case share.
    const auto byte = rc::gen::elementOf(std::vector<char>{'\0', '\1', 'a', '\x7f', '\x80', '\xff'});
    const auto keys = *rc::gen::container<std::vector<std::string>>(rc::gen::scale(0.1, rc::gen::container<std::string>(byte)));
    const std::string prefix(pick<std::size_t>(0, 12), 'p');
    const std::string padding(one_of<std::size_t>({0, 0, 0, 50'000}), '-');
    std::vector<Entry> all;
    for (const std::string& key : keys) all.emplace_back(prefix + key, std::to_string(all.size()) + padding);
    SpillFile spill;
    Sorter sorter(1, spill);
    Buffer out;
    for (const auto& [key, payload] : all) entry::add(out, key, payload);
    RC_ASSERT(sorter.add(out.view()).ok());
    RC_ASSERT(sorter.seal().ok());
    std::stable_sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.first < b.first; });
    const auto cuts = sorter.cuts(pick<std::uint64_t>(1, 100'000));
    RC_ASSERT(cuts.ok());
    std::vector<Entry> got;
    for (std::size_t i = 0; i <= cuts->size(); ++i) {
      auto cursor = SorterCursor::open(sorter, i == 0 ? std::string_view() : std::string_view((*cuts)[i - 1]),
                                       i == cuts->size() ? std::nullopt : std::optional((*cuts)[i]));
      RC_ASSERT(cursor.ok());
      for (;;) {
        auto more = (*cursor)->next();
        RC_ASSERT(more.ok());
        if (!*more) break;
        got.emplace_back((*cursor)->key(), (*cursor)->payload());
      }
    }
    RC_CLASSIFY(sorter.spilled(), "spilled");
    RC_ASSERT((got == all));
  }));
}
