#include "merge/snapshot.hpp"

#include <algorithm>

#include "merge/observer.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

std::size_t index(Target target) { return static_cast<std::size_t>(target); }

bool same_value(std::string_view a, std::string_view b) { return same(a, b); }
bool same_value(const std::optional<Decimal>& a, const std::optional<Decimal>& b) {
  return a.has_value() == b.has_value() && (!a || (a->digits == b->digits && a->scale == b->scale));
}
template <class T>
bool same_value(const T& a, const T& b) {
  return a == b;
}

const State::Meta* find(const std::vector<State::Meta>& metadata, std::string_view key) {
  const auto found = std::find_if(metadata.begin(), metadata.end(), [&](const State::Meta& m) { return same(m.key, key); });
  return found == metadata.end() ? nullptr : &*found;
}

/// Whether two records of one column set say the same: then neither replaces anything.
bool alike(const Contribution& a, const Contribution& b) {
  const Conversation &x = a.conversation, &y = b.conversation;
  bool alike = x.started_at == y.started_at && x.ended_at == y.ended_at && a.metadata.size() == b.metadata.size() &&
               a.touchpoints.size() == b.touchpoints.size();
  each_field([&](Target, auto field) { alike = alike && same_value(x.*field, y.*field); });
  for (std::size_t i = 0; alike && i < a.metadata.size(); ++i) {
    alike = same(a.metadata[i].key, b.metadata[i].key) && same(a.metadata[i].value, b.metadata[i].value);
  }
  for (std::size_t i = 0; alike && i < a.touchpoints.size(); ++i) {
    alike = a.touchpoints[i].id == b.touchpoints[i].id && a.touchpoints[i].deleted == b.touchpoints[i].deleted;
  }
  return alike;
}

/// Whether a record of another column set than the newest says something that does not stand.
bool says_otherwise(const Contribution& record, const State& state) {
  const Conversation &said = record.conversation, &stands = state.conversation;
  bool other = (said.started_at && said.started_at != stands.started_at) || (said.ended_at && said.ended_at != stands.ended_at);
  each_field([&](Target, auto field) { other = other || (known(said.*field) && !same_value(said.*field, stands.*field)); });
  for (std::size_t i = 0; !other && i < record.metadata.size(); ++i) {
    const State::Meta* const meta = find(state.metadata, record.metadata[i].key);
    other = meta == nullptr || !same(meta->value, record.metadata[i].value);
  }
  return other;
}

/// What a record that is not the newest says of fields that it does not supply.
void report_replaced(const Contribution& newest, const Contribution& record, bool supplies, const State& state,
                     MergeObserver& observer) {
  const Rule rule = rule_between(newest.version, record.version);
  observer.replaced(newest, record, rule, supplies);
  const auto lost = [&](Target target) {
    if (state.versions[index(target)] != record.version) observer.record_says(target, record, rule, false);
  };
  const Conversation& said = record.conversation;
  each_field([&](Target target, auto field) {
    if (known(said.*field)) lost(target);
  });
  if (said.started_at) lost(Target::started_at);
  if (said.ended_at) lost(Target::ended_at);
  for (const MetadataItem& item : record.metadata) {
    const State::Meta* const meta = find(state.metadata, item.key);
    if (meta == nullptr || meta->version != record.version) observer.entry_lost(item.key, item.value, record.version, rule);
  }
}

}  // namespace

const Version* stands_over_by_place(const Contribution& record, const State& state) {
  const Version* over = nullptr;
  const auto look = [&](const Version& stands) {
    if (over == nullptr && record.version < stands && newer_by(stands, record.version) != Newer::update_time) over = &stands;
  };
  const Conversation &said = record.conversation, &known_of = state.conversation;
  each_field([&](Target target, auto field) {
    if (known(said.*field) && !same_value(said.*field, known_of.*field)) look(state.versions[index(target)]);
  });
  if (said.ended_at && said.ended_at != known_of.ended_at) look(state.versions[index(Target::ended_at)]);
  for (std::size_t i = 0; over == nullptr && i < record.metadata.size(); ++i) {
    const State::Meta* const meta = find(state.metadata, record.metadata[i].key);
    if (meta != nullptr && !same(meta->value, record.metadata[i].value)) look(meta->version);
  }
  return over;
}

/// Null: it has all columns.
const ColumnSet* Snapshot::set_of(const Contribution& record) {
  if (sets_ != nullptr && record.column_set != ColumnSets::kNone) return &(*sets_)[record.column_set];
  if (record.own_column_set.empty()) return nullptr;
  return own_.emplace_back(std::make_unique<const ColumnSet>(record.own_column_set)).get();
}

void Snapshot::evaluate(std::span<const Contribution> records, State& state, std::span<RecordPart> parts,
                        MergeObserver* observer) {
  order_.resize(records.size());
  for (std::uint32_t i = 0; i < records.size(); ++i) order_[i] = i;
  std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return records[a].version != records[b].version ? records[b].version < records[a].version : a < b;
  });
  newer_.clear();
  own_.clear();
  const Contribution& newest = records[order_.front()];
  state.join(newest, observer);
  state.versions[index(Target::started_at)] = newest.version;
  parts[order_.front()].role = RecordPart::Role::stands;
  newer_.push_back({set_of(newest), order_.front()});
  for (const std::uint32_t i : std::span(order_).subspan(1)) {
    const Contribution& record = records[i];
    const ColumnSet* const set = set_of(record);
    ++state.records;
    if (std::tie(record.origin.file, record.origin.offset) < std::tie(state.origin.file, state.origin.offset))
      state.origin = record.origin;
    const bool known_set =
        std::any_of(newer_.begin(), newer_.end(), [set](const Seen& other) { return other.set == nullptr || other.set == set; });
    bool supplies = take_touchpoints(record, state);
    if (!known_set) {
      supplies |= set != nullptr && supply(record, *set, state, parts, observer);
      newer_.push_back({set, i});
    }
    RecordPart& part = parts[i];
    part.role = supplies ? RecordPart::Role::supplies : RecordPart::Role::superseded;
    part.newer = newer_by(newest.version, record.version);
    if (part.newer == Newer::update_time) continue;
    part.lost_by_place = set == newer_.front().set ? !alike(record, newest) : says_otherwise(record, state);
  }
  if (observer == nullptr) return;
  for (const std::uint32_t i : std::span(order_).subspan(1)) {  // only now it is known who supplies something
    report_replaced(newest, records[i], parts[i].role == RecordPart::Role::supplies, state, *observer);
  }
}

/// Touchpoints are a set by id, also of snapshots. True: it has one that no newer record has.
bool Snapshot::take_touchpoints(const Contribution& record, State& state) const {
  bool any = false;
  for (const Touchpoint& t : record.touchpoints) {
    const auto known = [&](const Touchpoint& other) { return other.id == t.id; };
    any |= std::none_of(state.touchpoints.begin(), state.touchpoints.end(), known);
    state.touchpoints.push_back(t);
  }
  return any;
}

/// Whether a newer record has a column for what a record of `set` says. Where that is not the newest, it has a part in this.
template <class What>
bool Snapshot::covered(What what, const ColumnSet& set, std::span<RecordPart> parts) const {
  const auto first = std::find_if(newer_.begin(), newer_.end(), [&](const Seen& newer) { return newer.set->covers(what, set); });
  if (first == newer_.end()) return false;
  if (first != newer_.begin()) parts[first->record].role = RecordPart::Role::supplies;
  return true;
}

/// What the record says that no newer one has a column for. True: there is something.
bool Snapshot::supply(const Contribution& record, const ColumnSet& set, State& state, std::span<RecordPart> parts,
                      MergeObserver* observer) const {
  bool any = false;
  const Conversation& from = record.conversation;
  Conversation& to = state.conversation;
  const auto wanted = [&](Target target) {
    // A value that no column of the record may fill is a default, not something it says.
    if (!set.covers(target, set) || covered(target, set, parts)) return false;
    state.versions[index(target)] = record.version;
    if (observer != nullptr) observer->record_says(target, record, Rule::column_lacking, true);
    return any = true;
  };
  each_field([&](Target target, auto field) {
    if (known(from.*field) && wanted(target)) to.*field = from.*field;
  });
  if (from.started_at && wanted(Target::started_at)) take_started(to, from);
  if (from.ended_at && wanted(Target::ended_at)) take_ended(to, from);
  for (const MetadataItem& item : record.metadata) {
    if (find(state.metadata, item.key) != nullptr || covered(item.key, set, parts)) continue;
    state.metadata.push_back({item.key, item.value, record.version});
    any = true;
  }
  return any;
}

}  // namespace crosswalk
