#include "merge/identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "crosswalk/translate.hpp"
#include "framing/csv.hpp"
#include "framing/lines.hpp"
#include "io/input.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

std::uint64_t hash_of(const IdIndex::Key& key) {
  // The odd factors keep equal texts in two roles from cancelling out.
  const std::uint64_t hash = hash64(key.id) ^ (hash64(key.platform) * 0x9E3779B97F4A7C15);
  return key.instance.empty() ? hash : hash ^ (hash64(key.instance) * 0xC2B2AE3D27D4EB4F);
}

enum Column : std::uint16_t { kPlatform, kSourceId, kTargetId, kInstance, kColumns };
constexpr std::uint16_t kNeeded = kInstance;  ///< the columns in front of it
constexpr std::array<std::string_view, kColumns> kNames = {"platform", "source_id", "target_id", "instance"};
constexpr std::string_view kHeader = "platform,source_id,target_id";
constexpr std::uint16_t kOther = kColumns;  ///< a column that is passed over

}  // namespace

// --- the index -------------------------------------------------------------------------------------------------------

/// Where an id stands, or the free place where it would. There must be a free place.
std::size_t IdIndex::place_of(std::uint64_t hash, const Key& wanted) const {
  const auto check = static_cast<std::uint32_t>(hash >> 32);
  std::size_t at = static_cast<std::size_t>(hash) & (places_.size() - 1);
  for (; places_[at].number != 0; at = (at + 1) & (places_.size() - 1)) {
    if (places_[at].check != check) continue;
    const Key& key = keys_[places_[at].number - 1];
    if (key.id == wanted.id && key.platform == wanted.platform && key.instance == wanted.instance) break;
  }
  return at;
}

std::size_t IdIndex::find(std::string_view platform, std::string_view id, std::string_view instance) const {
  if (keys_.empty()) return kNone;
  const Key key{platform, instance, id};
  const std::uint32_t number = places_[place_of(hash_of(key), key)].number;
  return number == 0 ? kNone : number - 1;
}

std::string_view IdIndex::kept_name(std::string_view name) {
  if (name.empty()) return {};
  auto known = names_.find(name);
  if (known == names_.end()) known = names_.emplace(name).first;
  return *known;
}

std::size_t IdIndex::add(std::string_view platform, std::string_view id, std::string_view instance) {
  if (keys_.size() * 4 >= places_.size() * 3) grow();
  const Key key{platform, instance, id};
  const std::uint64_t hash = hash_of(key);
  Place& place = places_[place_of(hash, key)];
  if (place.number != 0) return place.number - 1;
  keys_.push_back({kept_name(platform), kept_name(instance), text_.keep(id)});
  place = {static_cast<std::uint32_t>(keys_.size()), static_cast<std::uint32_t>(hash >> 32)};
  return keys_.size() - 1;
}

void IdIndex::grow() {
  places_.assign(places_.empty() ? std::size_t{64} : places_.size() * 2, {});
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const std::uint64_t hash = hash_of(keys_[i]);
    places_[place_of(hash, keys_[i])] = {static_cast<std::uint32_t>(i + 1), static_cast<std::uint32_t>(hash >> 32)};
  }
}

// --- loading ---------------------------------------------------------------------------------------------------------

/// Takes rows into a table until one is wrong.
class IdTable::Loader final : public RecordHandler {
 public:
  explicit Loader(IdTable& table) : table_(table) {}

  Result<void> read();

  void on_record(const Record& record, const Place& place) override;
  void on_fault(const FrameFault& fault) override {
    if (!error_) refuse(fault.line, fault.message, fault.cure);
  }
  void on_repeated_header(const Place&) override {}

 private:
  Result<std::vector<std::uint16_t>> find_columns(const CsvDialect& dialect) const;
  void take(const std::array<std::string_view, kColumns>& row, std::uint64_t line);
  void refuse(std::uint64_t line, std::string_view message, std::string cure) {
    error_ = Error{Errc::data, fmt::format("{}:{}: {}", table_.path_, line, message), std::move(cure)};
  }

  IdTable& table_;
  Scope scope_;  ///< of the row before
  const Block* block_ = nullptr;
  std::optional<TextLines> lines_here_;
  std::optional<Error> error_;
};

Result<void> IdTable::Loader::read() {
  auto input = open_input(table_.path_);
  if (!input) return input.error();
  CsvOptions options;
  options.has_settings = false;
  auto csv = open_csv(table_.path_, std::move(input->bytes), options);
  if (!csv) return csv.error();
  auto columns = find_columns(csv->dialect);
  if (!columns) return columns.error();

  const auto parser = make_csv_parser(csv->dialect, *columns, {});
  constexpr std::size_t kBlock = std::size_t{256} << 10;
  Block block;
  for (;;) {
    const auto more = csv->splitter->next(block, kBlock);
    if (!more) return more.error();
    if (!*more) return {};
    block_ = &block;
    lines_here_.emplace(std::string_view(block.data.data(), block.size), block.line);
    parser->parse(block, *this);
    if (error_) return *error_;
  }
}

/// For each column of the file which of ours it is.
Result<std::vector<std::uint16_t>> IdTable::Loader::find_columns(const CsvDialect& dialect) const {
  const auto error = [&](std::string_view message, std::string cure) {
    return Error{Errc::data, fmt::format("{}:{}: {}", table_.path_, dialect.header_line, message), std::move(cure)};
  };
  const std::string cure = fmt::format("give it the header {}", kHeader);
  if (dialect.header.empty()) return Error{Errc::data, fmt::format("{}: the table is empty", table_.path_), cure};
  std::vector<std::uint16_t> ids(dialect.header.size(), kOther);
  for (std::uint16_t ours = 0; ours < kColumns; ++ours) {
    bool found = false;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (lower(dialect.header[i]) != kNames[ours]) continue;
      if (found) return error(fmt::format("there are two columns {}", kNames[ours]), "take one of them out");
      ids[i] = ours;
      found = true;
    }
    if (found || ours >= kNeeded) continue;
    const std::string_view near = nearest(kNames[ours], dialect.header);
    return error(fmt::format("there is no column {}", kNames[ours]),
                 near.empty() ? cure : fmt::format("is it the one called \"{}\"? {}", in_line(near), cure));
  }
  return ids;
}

void IdTable::Loader::on_record(const Record& record, const Place& place) {
  if (error_) return;
  std::array<std::string_view, kColumns> row;
  for (const Field& field : record) {
    if (field.id < kColumns) row[field.id] = trimmed(field.view());
  }
  take(row, lines_here_->at(static_cast<std::size_t>(place.offset - block_->offset)));
}

void IdTable::Loader::take(const std::array<std::string_view, kColumns>& row, std::uint64_t line) {
  for (std::size_t column = 0; column < kNeeded; ++column) {
    if (!row[column].empty()) continue;
    refuse(line, fmt::format("{} is empty", kNames[column]),
           "complete the row, or leave it out: an id that is in no row is unknown");
    return;
  }
  const std::size_t number = table_.ids_.add(row[kPlatform], row[kSourceId], row[kInstance]);
  if (number == table_.rows_.size()) {
    if (row[kPlatform] != scope_.platform || row[kInstance] != scope_.instance) {
      scope_ = {std::string(row[kPlatform]), std::string(row[kInstance])};
      table_.scopes_.insert(scope_);
      table_.by_instance_ = table_.by_instance_ || !scope_.instance.empty();
    }
    table_.rows_.push_back({table_.text_.keep(row[kTargetId]), line});
    return;
  }
  if (table_.rows_[number].target == row[kTargetId]) {
    ++table_.repeated_;
    return;
  }
  refuse(line,
         fmt::format("{}{}{} \"{}\" becomes \"{}\" here and \"{}\" in line {}", in_line(row[kPlatform]),
                     row[kInstance].empty() ? "" : " ", in_line(row[kInstance]), in_line(row[kSourceId]), in_line(row[kTargetId]),
                     in_line(table_.rows_[number].target), table_.rows_[number].line),
         "keep one of the two rows");
}

Result<std::shared_ptr<const IdTable>> IdTable::load(const std::string& path) {
  auto table = std::make_shared<IdTable>();
  table->path_ = path;
  Loader loader(*table);
  if (auto read = loader.read(); !read) return read.error();
  return std::shared_ptr<const IdTable>(std::move(table));
}

std::optional<IdTable::Row> IdTable::find(std::string_view platform, std::string_view source_id,
                                          std::string_view instance) const {
  platform = trimmed(platform);
  source_id = trimmed(source_id);
  std::size_t number = by_instance_ && !instance.empty() ? ids_.find(platform, source_id, instance) : IdIndex::kNone;
  if (number == IdIndex::kNone) number = ids_.find(platform, source_id);
  if (number == IdIndex::kNone) return std::nullopt;
  return rows_[number];
}

bool IdTable::has_rows_of(std::string_view platform, std::string_view instance) const {
  return std::any_of(scopes_.begin(), scopes_.end(), [&](const Scope& scope) {
    return scope.platform == trimmed(platform) && (scope.instance.empty() || scope.instance == instance);
  });
}

// --- coverage --------------------------------------------------------------------------------------------------------

void IdCoverage::add_unknown(std::string_view platform, std::string_view id, std::uint64_t count, std::string_view instance) {
  unknown_ += count;
  std::size_t number = ids_.find(platform, id, instance);
  if (number == IdIndex::kNone) {
    if (counts_.size() >= kMostListed || text_ + platform.size() + id.size() > kMostText) {
      complete_ = false;
      return;
    }
    text_ += platform.size() + id.size();
    number = ids_.add(platform, id, instance);
    counts_.push_back(0);
  }
  counts_[number] += count;
}

std::vector<IdCoverage::Unknown> IdCoverage::top(std::size_t most) const {
  std::vector<Unknown> all;
  all.reserve(counts_.size());
  for (std::size_t i = 0; i < counts_.size(); ++i) all.push_back({ids_[i].platform, ids_[i].instance, ids_[i].id, counts_[i]});
  const auto before = [](const Unknown& a, const Unknown& b) {
    if (a.count != b.count) return a.count > b.count;
    return std::tie(a.platform, a.instance, a.id) < std::tie(b.platform, b.instance, b.id);
  };
  most = std::min(most, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(most), all.end(), before);
  all.resize(most);
  return all;
}

}  // namespace crosswalk
