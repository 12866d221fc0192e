// What stands where: a record's fields to their targets and into metadata, and what an adapter says of the record.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <utility>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "merge/ledger.hpp"
#include "normalize/normalizer.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

bool is_empty_list(std::string_view json) { return all_blank(json.substr(1, json.size() - 2)); }

bool holds_nothing(const Field& f) {
  if (f.size == 0 || f.kind == Kind::null) return true;
  if (f.kind == Kind::array || f.kind == Kind::object) return is_empty_list(f.view());
  return f.text[0] <= ' ' && all_blank(f.view());
}

/// Absent, empty and null are all "not known"; so are an empty list and an empty object. Nearly all values hold something, which
/// shows at a glance.
inline bool is_nothing(const Field& f) {
  const bool plainly_there = f.size != 0 && f.kind <= Kind::boolean && static_cast<unsigned char>(*f.text) > ' ';
  return !plainly_there && holds_nothing(f);
}

/// A field as take() sees it: one that stands in a record.
struct GivenField {
  const Field& given;
  [[nodiscard]] std::string_view view() const { return given.view(); }
  [[nodiscard]] const Field& field() const { return given; }
  [[nodiscard]] bool is_text() const { return given.kind <= Kind::string; }
  [[nodiscard]] bool is_nothing() const { return crosswalk::is_nothing(given); }
  void put(Field& to) const { std::memcpy(&to, &given, sizeof given); }  // by its members it would be eight instructions
};

}  // namespace

/// A cell of CSV, the same. It has no Field of its own: one that is written by parts and read whole at once makes the processor
/// wait for its store.
struct Normalizer::Cell {
  std::string_view text;
  std::uint16_t column;
  [[nodiscard]] std::string_view view() const { return text; }
  [[nodiscard]] Field field() const { return {text.data(), static_cast<std::uint32_t>(text.size()), column}; }
  [[nodiscard]] static constexpr bool is_text() { return true; }
  [[nodiscard]] bool is_nothing() const {
    return text.empty() || (static_cast<unsigned char>(text.front()) <= ' ' && all_blank(text));
  }
  void put(Field& to) const {
    to.text = text.data();
    to.size = static_cast<std::uint32_t>(text.size());
    to.id = column;
    to.kind = Kind::cell;
    to.flags = 0;
  }
};

/// One of the rest: into metadata, or into the books as dropped.
template <class Value>
inline void Normalizer::carry(const Value& value, Step& s) {
  if (!s.carries) {
    ++s.dropped;
    return;
  }
  ++s.carried;
  if (writes_through_) {
    const std::string_view key = with_comma(s.key->name);
    if (s.form == Form::as_is && value.is_text()) return add_padded_member(row_metadata_, key, value.view());
    row_metadata_.add(key);
    return add_value(row_metadata_, value.field(), s.form);
  }
  if (!keys_differ_ || made_items_) return add_item(*s.key, value.field(), s.form);
  // No other field of the record can have this key.
  item_bits_ |= std::uint64_t{1} << (s.key->name_hash & 63);
  Item& item = items_.emplace_back();
  item.key = s.key;
  value.put(item.value);
  item.form = s.form;
}

template <class Value>
inline void Normalizer::put(Target target, How how, std::uint32_t rank, const Value& value, std::uint16_t at) {
  Slot& to = slot(target);
  value.put(to.value);
  to.how = how;
  to.at = at;
  to.rank = rank;
}

/// A value for the one target of its field, which no other field has.
template <class Value>
inline void Normalizer::put_alone(const Value& value, std::uint16_t at, Step& s) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(s.target);
  filled_ |= bit;
  plain_ |= bit;
  ++s.mapped;
  put(s.target, s.how, s.rank, value, at);
}

/// A claimed field of the record, or any of a list's element, is there for the adapter. Whatever that does with it, it has one
/// fate in the books; see settle_claims().
inline void Normalizer::open(const Field& field, Step& s) {
  const bool there = !is_nothing(field);
  s.empty += !there;
  s.open = there;
  s.blank = false;
  s.mapped += there && s.steers;
  open_ += there && !s.steers;
}

/// The adapter does something with a field, which is counted by what it is.
inline void Normalizer::use(Step& s) {
  if (!s.open) {
    ++s.repeated;
    return;
  }
  s.open = false;
  s.mapped -= s.steers;
  open_ -= !s.steers;
}

/// Each field to where it belongs: the loop that every byte of metadata goes through.
void Normalizer::take(const Record& record) {
  given_ = record;
  record_ = &given_;
  for (std::size_t i = 0; i < record.count; ++i) {
    const Field& field = record.fields[i];
    Step& s = field.id < NameTable::kStable ? plans_.steps[field.id] : step(field.id);
    ++s.read;
    if (s.action == Action::claim) {  // the adapter asks for it
      open(field, s);
      continue;
    }
    take(GivenField{field}, static_cast<std::uint16_t>(i), s);
  }
}

/// The same for a row of CSV. Empty cells, and those of columns that nobody wants, are only counted: all at once, since a branch
/// for each of them would be foreseen as well as a coin.
void Normalizer::take(const CsvRow& row) {
  record_ = nullptr;
  ++row_plan_.rows;
  Step* const steps = plans_.steps.data();
  const RowPlan::Column* const columns = row_plan_.columns.data();
  std::uint32_t filled_targets = 0;  // by columns that have one each
  std::size_t first = 0;
  for (RowPlan::Word& word : row_plan_.words) {
    std::uint64_t filled = row.filled(first / ColumnCounts::kColumns);
    bool may_be_blank = false;
    for (const std::uint16_t column : word.dropped) {
      may_be_blank |= row_plan_.may_be_blank[static_cast<unsigned char>(*row.raw(column).data())];
    }
    if (may_be_blank) [[unlikely]]
      drop_blank(row, word, filled);
    word.filled.add(filled);
    for (std::uint64_t rest = filled & word.used; rest != 0; rest &= rest - 1) {
      const auto number = static_cast<std::uint16_t>(first + static_cast<std::size_t>(std::countr_zero(rest)));
      const RowPlan::Column& column = columns[number];
      std::string_view text = row.raw(number);
      if (row_plan_.may_be_blank[static_cast<unsigned char>(text.front())]) {
        text = row.cell(number);
        if (all_blank(text)) {
          uncount(column, steps[number]);
          continue;
        }
      }
      switch (column.how) {
        case RowPlan::How::fill: {
          if (column.absent != nullptr && column.absent->is_absent(text)) {
            uncount(column, steps[number]);
            found_absent(column.target, Cell{text, number}.field());
            break;
          }
          filled_targets |= 1U << static_cast<unsigned>(column.target);
          Field& value = slot(column.target).value;
          value.text = text.data();
          value.size = static_cast<std::uint32_t>(text.size());
          if (!column.writes) break;
          [[fallthrough]];
        }
        case RowPlan::How::write: add_padded_member(row_metadata_, column.key, text); break;
        case RowPlan::How::fill_each: fill_each({text, number}, steps[number]); break;
        case RowPlan::How::take: take(Cell{text, number}, number, steps[number]); break;
        case RowPlan::How::carry_rival:
          if (!steps[number].is_absent(text)) carry(Cell{text, number}, steps[number]);
          break;
        case RowPlan::How::drop: break;
      }
    }
    first += ColumnCounts::kColumns;
  }
  filled_ |= filled_targets;
  plain_ |= filled_targets;
  for (const auto& rivals : row_plan_.rivals) settle_rivals(row, rivals);
}

/// Of a cell that count_cells() will take for one that holds something.
void Normalizer::uncount(const RowPlan::Column& column, Step& s) {
  if (column.how == RowPlan::How::carry_rival) return;
  ++s.empty;
  s.mapped -= column.how == RowPlan::How::fill;
  s.carried -= column.how == RowPlan::How::write || column.writes;
}

/// Of cells that are only counted, those that hold blanks are not filled.
void Normalizer::drop_blank(const CsvRow& row, const RowPlan::Word& word, std::uint64_t& filled) {
  for (const std::uint16_t column : word.dropped) {
    if (all_blank(row.cell(column))) filled &= ~(std::uint64_t{1} << column % ColumnCounts::kColumns);
  }
}

template <class Value>
inline void Normalizer::take(const Value& value, std::uint16_t at, Step& s) {
  if (value.is_nothing()) {
    ++s.empty;
    return;
  }
  switch (s.action) {
    case Action::drop: ++s.dropped; break;
    case Action::carry: carry(value, s); break;
    case Action::map_plainly: {
      if (s.is_absent(value.view())) {
        ++s.empty;
        found_absent(s.target, value.field());
        break;
      }
      if (s.also_carried) carry(value, s);
      if (has(s.target)) [[unlikely]] {
        settle_rivals(value.field(), at, s);
        break;
      }
      put_alone(value, at, s);
      break;
    }
    case Action::map: take_mapped(value.field(), at, s); break;
    case Action::claim: break;
  }
}

/// What was only counted of a block's rows, into the books.
void Normalizer::count_cells() {
  const std::uint64_t rows = std::exchange(row_plan_.rows, 0);
  std::size_t first = 0;
  for (RowPlan::Word& word : row_plan_.words) {
    const auto filled = word.filled.take();
    for (std::uint64_t rest = word.counted; rest != 0; rest &= rest - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(rest));
      Step& s = plans_.steps[first + bit];
      const RowPlan::Column& column = row_plan_.columns[first + bit];
      s.empty += rows - filled[bit];
      if (column.how == RowPlan::How::drop) s.dropped += filled[bit];
      if (column.how == RowPlan::How::fill) s.mapped += filled[bit];
      if (column.how == RowPlan::How::write || column.writes) s.carried += filled[bit];
    }
    first += ColumnCounts::kColumns;
  }
}

/// A cell for several targets that no other column wants.
void Normalizer::fill_each(const Cell& cell, Step& s) {
  std::uint32_t targets = 0;
  for (const Mapping& m : plan(cell.column).mappings) {
    if (is_absent(m.target, cell.field())) continue;
    targets |= 1U << static_cast<unsigned>(m.target);
    put(m.target, m.how, m.rank, cell, cell.column);
  }
  if (targets == 0) {
    ++s.empty;
    return;
  }
  filled_ |= targets;
  plain_ |= targets;
  ++s.mapped;
  if (s.also_carried) carry(cell, s);
}

/// Of several columns that want one target the first in line that has something gets it.
void Normalizer::settle_rivals(const CsvRow& row, const std::vector<std::uint16_t>& columns) {
  bool settled = false;
  for (const std::uint16_t column : columns) {
    const Cell cell{row.cell(column), column};
    Step& s = plans_.steps[column];
    if (cell.is_nothing()) {
      ++s.empty;
    } else if (s.is_absent(cell.text)) {
      ++s.empty;
      found_absent(s.target, cell.field());
    } else if (!settled) {
      settled = true;
      put_alone(cell, column, s);
    } else {
      report_lost_value(s.target, cell, Rule::lower_priority);
      if (s.also_carried) continue;
      if (s.carries) {
        add_unused({cell.field(), 0, column});
      } else {
        ++s.dropped;
      }
    }
  }
}

/// What to do with the columns, now that all of them are known.
Normalizer::RowPlan Normalizer::plan_rows(char delimiter) {
  const auto number_of = [](Target target) { return static_cast<std::size_t>(target); };
  std::array<std::vector<std::uint16_t>, kTargetCount> wanting;  // columns by target
  const auto columns = static_cast<std::uint16_t>(plans_.steps.size());
  for (std::uint16_t column = 0; column < columns; ++column) {
    if (plans_.fields[column]->action != Action::map) continue;
    for (const Mapping& m : plans_.fields[column]->mappings) wanting[number_of(m.target)].push_back(column);
  }
  const auto wanted_by_others = [&](const Mapping& m) { return wanting[number_of(m.target)].size() > 1; };
  const auto plain = [&](std::uint16_t column) { return plans_.steps[column].action == Action::map_plainly; };
  RowPlan rows;
  rows.columns.resize(columns);
  rows.words.resize((columns + ColumnCounts::kColumns - 1) / ColumnCounts::kColumns);
  for (unsigned byte = 0; byte <= ' '; ++byte) rows.may_be_blank[byte] = true;
  rows.may_be_blank['"'] = true;
  // These end a cell that has no bytes.
  for (const char end : {delimiter, '\r', '\n'}) rows.may_be_blank[static_cast<unsigned char>(end)] = false;
  for (std::uint16_t number = 0; number < columns; ++number) {
    const Step& s = plans_.steps[number];
    if (s.action == Action::claim) continue;
    const auto& mappings = plans_.fields[number]->mappings;
    const bool alone = std::none_of(mappings.begin(), mappings.end(), wanted_by_others);
    RowPlan::Column& column = rows.columns[number];
    column = plan_column(s, number);
    const bool fills = column.how == RowPlan::How::fill || column.how == RowPlan::How::fill_each;
    if (fills && !alone) column = {RowPlan::How::take};
    RowPlan::Word& word = rows.words[number / ColumnCounts::kColumns];
    const std::uint64_t bit = std::uint64_t{1} << number % ColumnCounts::kColumns;
    if (column.how == RowPlan::How::drop) {
      word.counted |= bit;
      word.dropped.push_back(number);
      continue;
    }
    if (s.action == Action::map_plainly && !alone) {
      const auto& rivals = wanting[number_of(s.target)];
      if (std::all_of(rivals.begin(), rivals.end(), plain)) {
        column.how = RowPlan::How::carry_rival;
        if (s.also_carried) word.used |= bit;
        if (number == rivals.front()) rows.rivals.push_back(rivals);
        continue;
      }
    }
    word.used |= bit;
    word.counted |= bit;
  }
  for (std::vector<std::uint16_t>& ranked : rows.rivals) {
    std::stable_sort(ranked.begin(), ranked.end(),
                     [&](std::uint16_t a, std::uint16_t b) { return plans_.steps[a].rank < plans_.steps[b].rank; });
  }
  return rows;
}

/// What to do with a column whose targets, if any, no other column wants.
Normalizer::RowPlan::Column Normalizer::plan_column(const Step& s, std::uint16_t number) {
  const bool writes = writes_through_ && s.carries && s.form == Form::as_is;
  switch (s.action) {
    case Action::drop: return {RowPlan::How::drop};
    case Action::map: return {RowPlan::How::fill_each};
    case Action::carry:
      if (writes) return {RowPlan::How::write, false, Target::none, nullptr, with_comma(s.key->name)};
      break;
    case Action::map_plainly:
      if (s.also_carried && !writes) break;
      slot(s.target) = {{nullptr, 0, number, Kind::cell}, s.how, number, s.rank};
      return {RowPlan::How::fill, s.also_carried, s.target, s.absent, with_comma(s.key->name)};
    case Action::claim: break;
  }
  return {RowPlan::How::take};
}

void Normalizer::take_mapped(const Field& field, std::uint16_t at, Step& s) {
  std::uint32_t targets = 0;
  for (const Mapping& m : plan(field.id).mappings) {
    if (is_absent(m.target, field)) continue;
    targets |= 1U << static_cast<unsigned>(m.target);
    fill(m.target, m.how, m.rank, field, at);
  }
  if (targets == 0) {
    ++s.empty;
    return;
  }
  if (s.also_carried) carry(GivenField{field}, s);
  gathered_.push_back({field, targets, at, s.also_carried});
}

/// A value that means that there is none. What its adapter says so of is certain; what is so by our own list is counted.
void Normalizer::found_absent(Target target, const Field& value) {
  const bool placeholder = vocabulary(target).is_placeholder(value.view());
  report_lost(target, value, placeholder ? Rule::placeholder : Rule::absent_word);
  if (survey_ != nullptr || !placeholder) return;
  if (target == Target::external_id) absent_id_ = value;
  if (target == Target::resolved && vocabulary(Target::status).is_placeholder(value.view())) return;  // said of the status
  find(
      "placeholder", [&] { return fmt::format("\"{}\" in {} is taken for nothing", shown(value.view()), field_name(value)); },
      "if it is a real value, --set placeholders=none");
}

/// Two fields want the one target of this one.
void Normalizer::settle_rivals(const Field& field, std::uint16_t at, const Step& s) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(s.target);
  if (slot(s.target).rank <= s.rank) {
    gathered_.push_back({field, bit, at, s.also_carried});
    report_lost(s.target, field, Rule::lower_priority);
    return;
  }
  fill(s.target, s.how, s.rank, field, at);
  plain_ |= bit;
  ++step(field.id).mapped;
}

/// Puts a value where its target is gathered, unless one of the same or a lower rank is there.
void Normalizer::fill(Target target, How how, std::uint32_t rank, const Field& value, std::uint16_t at) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(target);
  Slot& s = slot(target);
  if (has(target)) {
    report_lost(target, s.rank <= rank ? value : s.value, Rule::lower_priority);
    if (s.rank <= rank) return;
  }
  if ((plain_ & bit) != 0) {
    Step& loser = step(s.value.id);
    --loser.mapped;
    gathered_.push_back({s.value, bit, s.at, loser.also_carried});
  }
  plain_ &= ~bit;
  filled_ |= bit;
  s = {value, how, at, rank};
}

/// In the record's order.
void Normalizer::add_unused(const Gathered& g) {
  if (unused_.empty() || unused_.back().at <= g.at) {
    unused_.push_back(g);
    return;
  }
  const auto after = [](std::uint16_t at, const Gathered& other) { return at < other.at; };
  unused_.insert(std::upper_bound(unused_.begin(), unused_.end(), g.at, after), g);
}

/// A gathered field that no target took, because another ranked lower or it did not fit, is one of the rest.
void Normalizer::place_gathered() {
  for (std::uint32_t rest = plain_ & ~filled_; rest != 0; rest &= rest - 1) {
    const auto lost = static_cast<unsigned>(std::countr_zero(rest));
    const Slot& from = slot(static_cast<Target>(lost));
    // One of several targets (fill_each()): another may have it, or has been here with it.
    const auto has_it = [&](std::uint32_t targets) {
      for (; targets != 0; targets &= targets - 1) {
        const Slot& other = slot(static_cast<Target>(std::countr_zero(targets)));
        if (other.at == from.at && other.value.text == from.value.text) return true;
      }
      return false;
    };
    if (has_it(plain_ & filled_) || has_it(plain_ & ((1U << lost) - 1))) continue;
    Step& s = step(from.value.id);
    --s.mapped;
    if (!s.also_carried) add_unused({from.value, 0, from.at});
  }
  for (const Gathered& g : gathered_) {
    bool used = false;
    for (std::uint32_t rest = g.targets; rest != 0; rest &= rest - 1) {
      const auto target = static_cast<Target>(std::countr_zero(rest));
      used |= has(target) && slot(target).value.text == g.value.text && slot(target).value.id == g.value.id;
    }
    Step& s = step(g.value.id);
    s.mapped += used;
    if (!g.carried && (!used || s.also_carried)) add_unused(g);
  }
  for (const Gathered& g : unused_) carry(GivenField{g.value}, step(g.value.id));
}

Normalizer::Item* Normalizer::find_item(std::string_view key, std::uint64_t hash) {
  if ((item_bits_ >> (hash & 63) & 1U) == 0) return nullptr;
  constexpr std::size_t kFew = 64;
  if (items_.size() <= kFew) {
    const auto found =
        std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.hash() == hash && i.name() == key; });
    return found == items_.end() ? nullptr : &*found;
  }
  for (; indexed_items_ < items_.size(); ++indexed_items_) {
    item_index_.insert_or_assign(items_[indexed_items_].hash(), static_cast<std::uint32_t>(indexed_items_));
  }
  const auto found = item_index_.find(hash);
  if (found == item_index_.end() || items_[found->second].name() != key) return nullptr;
  return &items_[found->second];
}

/// A key stands once in a record. Where two fields would share one, each goes under its full path, so that their order
/// in the record does not matter; what still shares one is numbered.
void Normalizer::add_item(const Key& wanted, const Field& value, Form form) {
  if (items_.empty()) {
    item_bits_ |= std::uint64_t{1} << (wanted.name_hash & 63);
    items_.push_back({&wanted, value, form});
    return;
  }
  Item item{&wanted, value, form};
  if (Item* const other = find_item(wanted.name, wanted.name_hash)) {
    const bool has_path = other->name() != other->key->path;
    if (has_path && find_item(other->key->path, other->key->path_hash) == nullptr) {
      other->by_path = true;
      item_bits_ |= std::uint64_t{1} << (other->hash() & 63);
      if (indexed_items_ != 0) item_index_.insert_or_assign(other->hash(), static_cast<std::uint32_t>(other - items_.data()));
    }
    item.by_path = true;
    const std::string_view path = wanted.path;
    for (int n = 2; find_item(item.name(), item.hash()) != nullptr; ++n) {  // `"name":` → `"name (2)":`
      item.key = &made_key(fmt::format(",{} ({})\":", path.substr(0, path.size() - 2), n));
    }
  }
  item_bits_ |= std::uint64_t{1} << (item.hash() & 63);
  items_.push_back(item);
}

/// A key of the record at hand, of `,"name":`.
const Normalizer::Key& Normalizer::made_key(std::string_view comma_key) {
  if (made_ == made_keys_.size()) made_keys_.emplace_back();
  Key& key = made_keys_[made_++];
  char* const kept = scratch_text_.allocate(comma_key.size() + kKeySlack);
  std::memset(std::copy(comma_key.begin(), comma_key.end(), kept), 0, kKeySlack);
  key.name = key.path = {kept + 1, comma_key.size() - 1};
  key.name_hash = key.path_hash = hash64(key.name);
  return key;
}

bool Normalizer::set(Target target, How how, std::uint32_t rank, const Field& value) {
  if (outcome_ != Outcome::going) return false;
  asked_ |= 1U << static_cast<unsigned>(target);
  if (is_nothing(value)) return true;
  const bool made = (value.flags & Field::kMade) != 0;
  if (is_absent(target, value)) {
    if (!made) step(value.id).blank = true;
    return true;
  }
  if (!made && !walking_ && !has(target) && gathered_.empty()) {  // mostly
    Step& s = step(value.id);
    if (s.action == Action::claim && !is_plain(value)) {
      use(s);
      ++s.mapped;
      put(target, how, rank, GivenField{value}, next_place());
      const std::uint32_t bit = 1U << static_cast<unsigned>(target);
      filled_ |= bit;
      plain_ |= bit;
      return true;
    }
  }
  const std::uint16_t at = next_place();
  Field kept = value;
  if (made || walking_) kept.text = scratch_text_.keep(value.view()).data();
  fill(target, how, rank, kept, at);
  if (made) return true;
  for (std::uint32_t rest = plain_; rest != 0; rest &= rest - 1) {  // a second target of a field?
    const std::uint32_t own = rest & (~rest + 1);
    const Slot& other = slot(static_cast<Target>(std::countr_zero(own)));
    if (other.value.id != value.id || other.value.text != value.text) continue;
    Step& s = step(value.id);
    plain_ &= ~own;
    --s.mapped;
    gathered_.push_back({other.value, own, other.at, s.also_carried});
  }
  const std::uint32_t bit = 1U << static_cast<unsigned>(target);
  const auto known = std::find_if(gathered_.begin(), gathered_.end(),
                                  [&](const Gathered& g) { return g.value.id == value.id && g.value.text == kept.text; });
  if (known != gathered_.end()) {
    known->targets |= bit;
  } else {
    use(step(value.id));
    gathered_.push_back({kept, bit, at, false});
  }
  return true;
}

/// Where a field that the adapter sets stands among the unused ones: behind the others, in the order in which they are set.
std::uint16_t Normalizer::next_place() {
  return static_cast<std::uint16_t>(Gathered::kSet + std::min<std::uint32_t>(sets_++, 0xFF));
}

/// Whether a field has one target already and is only in its slot.
bool Normalizer::is_plain(const Field& value) const {
  for (std::uint32_t rest = plain_; rest != 0; rest &= rest - 1) {
    const Field& other = slots_[static_cast<std::size_t>(std::countr_zero(rest))].value;
    if (other.id == value.id && other.text == value.text) return true;
  }
  return false;
}

/// A touchpoint without a usable time costs the record where it is one, and only itself where it is one of a list.
bool Normalizer::refuse_touchpoint(const TouchpointText& t, TimeFault fault) {
  TimeComplaint why = complaint(fault, t.at);
  std::string_view code = t.at.empty() ? "missing_time" : "bad_time";
  if (fault == TimeFault::none || is_placeholder_text(t.at)) {
    code = "missing_time";
    why.message = fmt::format("\"{}\" is what programs write where there is no time", shown(t.at));
    why.cure = "correct it in the source; if it is meant, --set placeholders=none";
  }
  if (!walking_) {
    reject(code, "touchpoint", t.at, why.message, why.cure);
    return false;
  }
  find(
      "message_left_out", [&] { return fmt::format("a message of the record is left out: {}", why.message); }, why.cure);
  return true;
}

namespace {

TouchKind kind_of(Channel channel) {
  switch (channel) {
    case Channel::sms: return TouchKind::sms;
    case Channel::email: return TouchKind::email;
    case Channel::phone: return TouchKind::call;
    case Channel::chat: return TouchKind::chat;
    case Channel::social: return TouchKind::social;
    case Channel::back_office: return TouchKind::note;
    case Channel::none: break;
  }
  return TouchKind::other;
}

}  // namespace

/// What the settings say of the source's word for a touchpoint's kind. A word that neither they nor the adapter know is counted.
void Normalizer::take_type(const TouchpointText& t, Touchpoint& touch) {
  const bool is_known = t.kind != TouchKind::other;
  if (all_blank(t.type)) {
    if (is_known) return;
    find(
        "unknown_channel",
        [&] {
          return std::string(
              "a touchpoint does not say of which type it is: it counts for the start and the end, but for no channel, "
              "response or agent");
        },
        "export the touchpoints with their type");
    return;
  }
  const Vocabulary::Entry& entry = vocabulary(Target::channel).look_up(t.type);
  const bool by_setting = entry.by == Rule::value_map_setting || (!is_known && entry.by == Rule::rest_setting);
  if (is_known && !by_setting) return;
  if (entry.channel != Channel::none) {
    touch.kind = kind_of(entry.channel);
    if (touch.kind == TouchKind::note) touch.direction = Direction::internal;
    if (!reports_) return;
    report_.touchpoints.push_back({touch.id, std::string(t.type), entry.by, detail_of(Target::channel, t.type, entry)});
    return;
  }
  if (reports_) report_.lost.push_back({Target::channel, "", std::string(t.type), Rule::uncovered_word, "", ""});
  find(
      "unknown_channel",
      [&] {
        return fmt::format(
            "no rule says which channel \"{}\", the type of a touchpoint, is: it counts for the start and the end, but for no "
            "channel, response or agent",
            shown(t.type));
      },
      [&] { return channel_cure(t.type); });
}

void Normalizer::find_deleted_message() {
  find(
      "deleted_message", [] { return std::string("a message in the record's list is deleted in its source: it does not count"); },
      "if it shall count: --set deleted=keep");
}

bool Normalizer::touchpoint(const TouchpointText& t) {
  if (outcome_ != Outcome::going) return false;
  if (t.deleted) {  // whatever else is said of it
    if (survey_ == nullptr && walking_) find_deleted_message();
    if (survey_ == nullptr && !t.id.empty()) {
      Touchpoint& touch = touches_.emplace_back();
      touch.id = hash128(t.id);
      touch.deleted = true;
      ++taken_back_;
    }
    return true;
  }
  if (survey_ != nullptr) {
    survey_->column.observe(t.at);
    return true;
  }
  if (has(Target::time_zone) && !find_zone()) return false;
  const TimeReading reading = read_time(readers_[kTouch], t.at, Kind::string, How::as_configured);
  const bool unlikely = reading.fault == TimeFault::none && is_unlikely(reading.at);
  if (reading.fault != TimeFault::none || (unlikely && is_placeholder(reading.at))) return refuse_touchpoint(t, reading.fault);
  if (unlikely && reading.at.seconds > source_.latest_likely) {
    find(
        "time_in_future", [&] { return fmt::format("\"{}\", a touchpoint's time, is still to come", shown(t.at)); },
        "check the time zone and, for numbers and dates, their form (--set time_format)");
  }
  ++touch_times_[static_cast<std::size_t>(reading.how)];
  leap_seconds_ += reading.leap_second;
  Touchpoint& touch = touches_.emplace_back();
  touch.at = reading.at;
  touch.how = reading.how;
  touch.kind = t.kind;
  touch.direction = t.direction;
  if (t.id.empty()) {
    const std::uint64_t own[3] = {file_, place_.offset, touches_.size() - 1};
    touch.id = hash128({reinterpret_cast<const char*>(own), sizeof own});
  } else {
    touch.id = hash128(t.id);
  }
  if (t.kind == TouchKind::other || sets_channels_) [[unlikely]]
    take_type(t, touch);
  if (!all_blank(t.duration)) {
    if (const auto duration = parse_duration(t.duration, t.duration_how); duration && duration->digits >= 0) {
      touch.duration = *duration;
      touch.has_duration = true;
    } else {
      constexpr std::string_view kWhy = "the duration of a touchpoint is not a number of seconds that is 0 or more";
      if (source_.reject_bad_values) {
        reject("bad_duration", "touchpoint", t.duration, kWhy, kCorrectSource);
        touches_.pop_back();
        return false;
      }
      touch.lost_duration = true;
      if (reports_)
        report_.lost.push_back({Target::handle_time, "", std::string(t.duration), Rule::bad_value, std::string(kWhy), ""});
      count_bad(Target::handle_time, "bad_duration", "bad_duration of a touchpoint", t.duration,
                fmt::format("{}; the conversation has no handle time then", kWhy), "correct it in the source");
    }
  }
  const auto kept = [this](std::string_view text) {  // mostly it is the record's own, which stays as long
    const std::less<const char*> before;
    const char *const begin = lasting_.data(), *const end = begin + lasting_.size();
    return !before(text.data(), begin) && before(text.data(), end) ? text : scratch_text_.keep(text);
  };
  touch.user = kept(t.user);
  touch.subject = kept(t.subject);
  return true;
}

bool Normalizer::carry(std::string_view name, const Field& value, Form form) {
  if (outcome_ != Outcome::going) return false;
  if (is_nothing(value)) {
    if (source_.column_sets && source_.is_snapshot()) blank_names_.push_back(scratch_text_.keep(name));
    return true;
  }
  const bool made = (value.flags & Field::kMade) != 0;
  if (!made && !source_.fields.empty() && plan(value.id).alias != nullptr) name = names_.name(value.id);  // its own name
  bool carries = source_.metadata != SourceConfig::Metadata::none;
  if (source_.metadata == SourceConfig::Metadata::listed) carries = is_listed(name);
  if (!made) use(step(value.id));
  if (!carries) {
    if (!made) ++step(value.id).dropped;
    return true;
  }
  Field kept = value;
  if (made || walking_) kept.text = scratch_text_.keep(value.view()).data();
  made_items_ = true;
  if (!made) ++step(value.id).carried;
  add_item(key_of_made_name(name), kept, form);
  return true;
}

/// A key as it stands in metadata, behind another entry. Two names there are Crosswalk's own; a source field of the same name
/// keeps its value under another.
void Normalizer::add_comma_key(Buffer& out, std::string_view name) {
  std::string own;
  if (name == "crosswalk" || name == "touchpoints") {
    own = fmt::format("{} (source)", name);
    name = own;
  }
  out.add(',');
  add_json_string(out, name);
  out.add(':');
}

/// The metadata key of a name that the adapter made up. Of the first few it is kept: mostly there are no more.
const Normalizer::Key& Normalizer::key_of_made_name(std::string_view name) {
  for (const MadeName& known : made_names_) {
    if (equal(known.name, name)) return known.key;
  }
  scratch_.clear();
  add_comma_key(scratch_, name);
  if (made_names_.size() == kMadeNames || name.size() > kLongestMade) return made_key(scratch_.view());
  made_names_.reserve(kMadeNames);
  MadeName& kept = made_names_.emplace_back(MadeName{std::string(name), std::string(scratch_.view()), {}});
  const std::size_t size = kept.comma_key.size() - 1;
  kept.comma_key.append(kKeySlack, '\0');
  kept.key.name = kept.key.path = std::string_view(kept.comma_key).substr(1, size);
  kept.key.name_hash = kept.key.path_hash = hash64(kept.key.name);
  return kept.key;
}

bool Normalizer::drop(const Field& value, std::string_view rule) {
  if (outcome_ != Outcome::going) return false;
  if ((value.flags & Field::kMade) != 0 || is_nothing(value)) return true;
  use(step(value.id));
  drop_by(value.id, rule);
  return true;
}

/// Counts it.
inline void Normalizer::drop_by(std::uint16_t id, std::string_view rule) {
  FieldPlan& p = plan(id);
  if (p.last_rule_drops == nullptr || !equal(p.last_rule, rule)) find_drops(p, id, rule);
  ++*p.last_rule_drops;
}

[[gnu::noinline]] void Normalizer::find_drops(FieldPlan& p, std::uint16_t id, std::string_view rule) {
  auto& by_rule = record_drops_.try_emplace(id < NameTable::kStable ? p.name : std::string(kOtherNames)).first->second;
  auto found = by_rule.find(rule);
  if (found == by_rule.end()) found = by_rule.emplace(std::string(rule), 0).first;
  p.last_rule = found->first;
  p.last_rule_drops = &found->second;
}

void Normalizer::find_unused(const Field& field, const Step& s) {
  find(
      "unused_field",
      [&] {
        return fmt::format("the adapter can make nothing of \"{}\" as it stands here; it is {}", field_name(field),
                           s.carries ? "carried into metadata" : fmt::format("left out ({})", plan(field.id).drop_rule));
      },
      "see whether the field is as the source's documents say");
}

/// What the adapter claimed and did nothing with goes where it would have gone unclaimed. Few records have such a field.
void Normalizer::settle_claims() {
  for (const Field& field : given_) {
    Step& s = step(field.id);
    if (s.action != Action::claim || !s.open || s.steers) continue;
    s.open = false;
    if (outcome_ != Outcome::going) {
      ++s.with_record;
    } else if (s.blank) {
      ++s.empty;
    } else {
      if (!is_taken_back()) find_unused(field, s);
      carry(GivenField{field}, s);
    }
  }
  open_ = 0;
}

/// The same of an element of a list: metadata has no place for it.
void Normalizer::settle_element(const Record& element) {
  for (const Field& field : element) {
    Step& s = step(field.id);
    if (!s.open || s.steers) continue;
    s.open = false;
    --open_;
    if (outcome_ != Outcome::going) {
      ++s.with_record;
    } else if (s.blank) {
      ++s.empty;
    } else {
      drop_by(field.id, kListDetail);
    }
  }
}

bool Normalizer::filter(std::string_view rule) {
  if (outcome_ != Outcome::going) return false;
  outcome_ = Outcome::filtered;
  if (source_.observer != nullptr) report_.code = rule;
  batch_->books.filter(rule);
  if (source_.want_ledger) add_ledger_entry(batch_->ledger, source_.number, {file_, line(), place_.offset}, Fate::filtered, rule);
  return false;
}

bool Normalizer::refuse(const Refusal& r) {
  if (outcome_ == Outcome::going) reject(r.code, r.field, r.found, r.message, r.cure);
  return false;
}

bool Normalizer::remark(const Refusal& r) {
  if (outcome_ != Outcome::going) return false;
  if (survey_ != nullptr) return true;
  find(
      r.code,
      [&] {
        return r.found.empty() ? std::string(r.message) : fmt::format("\"{}\" in {}: {}", shown(r.found), r.field, r.message);
      },
      r.cure);
  return true;
}

bool Normalizer::walk(const Field& array, std::string_view prefix, const std::function<bool(const Record&)>& element) {
  if (outcome_ != Outcome::going || !walker_ || array.kind != Kind::array) return false;
  if (const bool made = (array.flags & Field::kMade) != 0; !made && step(array.id).open) {
    Step& s = step(array.id);
    use(s);
    ++s.mapped;
  }
  bool stopped = false;
  walking_ = true;
  const bool whole = walker_->walk(array.view(), prefix, [&](const Record& record) {
    duplicate_keys_ += walker_->duplicate_keys();
    if (auto bound = bind_new_names(); !bound) {
      end_with(bound.error());
      stopped = true;
      return false;
    }
    for (const Field& field : record) {
      Step& s = step(field.id);
      if (s.open && !s.steers) {  // the record has one of the same name, which can be told from this one no more
        drop_by(field.id, kListDetail);
        --open_;
      }
      ++s.read;
      open(field, s);
    }
    stopped = outcome_ != Outcome::going || !element(record) || outcome_ != Outcome::going;
    settle_element(record);
    return !stopped;
  });
  walking_ = false;
  if (!whole && !stopped) {
    reject("too_many_fields", prefix, "", "a list in the record is beyond what one record may hold: its fields, names or depth",
           "raise the settings max_fields or max_depth");
  }
  return whole && !stopped;
}

}  // namespace crosswalk
