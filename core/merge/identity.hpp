// Crosswalk tables: what an id of one platform is called in the target system, and how many ids a table knew.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "arena.hpp"
#include "crosswalk/result.hpp"

namespace crosswalk {

/// Numbers ids of platforms and their instances, from 0 in the order they came. Texts are copied; their addresses never move.
class IdIndex {
 public:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  struct Key {
    std::string_view platform, instance, id;
  };

  /// Allocates nothing. Safe from many threads while nobody adds.
  [[nodiscard]] std::size_t find(std::string_view platform, std::string_view id, std::string_view instance = {}) const;
  /// The number of an id, new or known.
  std::size_t add(std::string_view platform, std::string_view id, std::string_view instance = {});

  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] const Key& operator[](std::size_t number) const { return keys_[number]; }

 private:
  struct Place {
    std::uint32_t number = 0;  ///< of the id, plus 1; 0 marks a free place
    std::uint32_t check = 0;   ///< upper half of the hash: most other ids are told apart without their text
  };
  [[nodiscard]] std::size_t place_of(std::uint64_t hash, const Key& key) const;
  std::string_view kept_name(std::string_view name);
  void grow();

  std::vector<Place> places_;  ///< as many as a power of two, at most three quarters taken
  std::vector<Key> keys_;
  std::set<std::string, std::less<>> names_;  ///< of platforms and instances: few; each is kept once
  Arena text_;
};

/// A table from ids of the source platforms to ids of the target. Complete once loaded, and then safe from many threads.
///
/// A row may be of one instance of its platform; then it stands before a row of the same id that names none. Blanks around
/// names and ids do not count, neither in the table nor in what is looked up.
class IdTable {
 public:
  /// Reads a CSV file with the named columns platform, source_id and target_id, and perhaps instance, in any order and any
  /// case; others are passed over. Anything in it that is not a whole row is an error, since a table with holes would rename
  /// only some.
  [[nodiscard]] static Result<std::shared_ptr<const IdTable>> load(const std::string& path);

  struct Row {
    std::string_view target;  ///< valid as long as the table
    std::uint64_t line = 0;   ///< of the file
  };
  /// Allocates nothing.
  [[nodiscard]] std::optional<Row> find(std::string_view platform, std::string_view source_id,
                                        std::string_view instance = {}) const;
  /// Whether any row is of the platform and of this instance or of all.
  [[nodiscard]] bool has_rows_of(std::string_view platform, std::string_view instance) const;
  struct Scope {
    std::string platform, instance;  ///< instance empty: rows of all
    friend auto operator<=>(const Scope&, const Scope&) = default;
  };
  [[nodiscard]] const std::set<Scope>& scopes() const { return scopes_; }  ///< of its rows

  [[nodiscard]] std::size_t size() const { return rows_.size(); }     ///< ids of platforms and their instances
  [[nodiscard]] std::uint64_t repeated() const { return repeated_; }  ///< rows that said again what was known
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  class Loader;

  std::string path_;
  IdIndex ids_;
  std::vector<Row> rows_;  ///< by number in ids_; of equal ones the first
  std::set<Scope> scopes_;
  bool by_instance_ = false;  ///< some row names an instance
  Arena text_;
  std::uint64_t repeated_ = 0;
};

/// How many ids of one kind a table knew, and which it did not know. Used by one thread.
class IdCoverage {
 public:
  static constexpr std::size_t kMostListed = 100'000;
  static constexpr std::size_t kMostText = std::size_t{16} << 20;  ///< bytes of listed ids

  struct Unknown {
    std::string_view platform, instance, id;  ///< valid as long as the coverage
    std::uint64_t count = 0;
  };

  void add_known(std::uint64_t count = 1) { known_ += count; }
  /// Beyond kMostListed distinct ids, or kMostText bytes of them, only ids that are listed already are told apart.
  void add_unknown(std::string_view platform, std::string_view id, std::uint64_t count = 1, std::string_view instance = {});

  [[nodiscard]] std::uint64_t known() const { return known_; }
  [[nodiscard]] std::uint64_t unknown() const { return unknown_; }
  /// Distinct unknown ids; exact when complete(), else so many at least.
  [[nodiscard]] std::size_t distinct() const { return counts_.size(); }
  [[nodiscard]] bool complete() const { return complete_; }
  /// The most frequent unknown ids, at most `most`: by count, then by the bytes of platform, instance and id.
  [[nodiscard]] std::vector<Unknown> top(std::size_t most) const;

 private:
  IdIndex ids_;
  std::vector<std::uint64_t> counts_;  ///< by number in ids_
  std::size_t text_ = 0;
  std::uint64_t known_ = 0, unknown_ = 0;
  bool complete_ = true;
};

}  // namespace crosswalk
