// What the JSON body of a success reports of the records of its request.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "delivery/answer_words.hpp"
#include "delivery/verdict.hpp"

namespace crosswalk::delivery {

class Reports {
 public:
  explicit Reports(const Asked& asked);
  void read(const nlohmann::json& body);
  [[nodiscard]] Verdict verdict(bool accepted, int status);

 private:
  using Json = nlohmann::json;
  using Index = std::optional<std::size_t>;

  void read_object(const Json& object);
  void read_member(std::string_view key, const Json& value);
  void read_scalar(std::string_view key, Name name, const Json& value);
  void read_number(std::string_view key, Name name, const Json& value);
  void read_notice(const Json& value);
  void read_list(const Json& list, std::string_view key, Name name);
  void read_list_scalar(const Json& entry, std::size_t place, bool by_place, std::string_view key, Name name);
  void read_map(const Json& object);
  void read_entry(const Json& entry, Index index);

  // Under a name that speaks of errors.
  void read_errors(const Json& value, std::string_view name);
  void read_error(const Json& entry);
  void read_keyed(const Json& object);
  void count_errors(std::size_t count);

  [[nodiscard]] State state_of_entry(const Json& entry, const Json& sent);
  [[nodiscard]] State state_of_member(const std::string& key, const Json& value, const Json& sent, bool echo);
  [[nodiscard]] Json sent_record(Index index) const;
  [[nodiscard]] bool nothing(const Json& value) const;
  [[nodiscard]] bool tells_trouble(const Json& value) const;

  /// The record that a number, or a member's name, names by itself: by its id or by its place, where only one can be meant.
  [[nodiscard]] Index named_bare(std::string_view text) const;
  [[nodiscard]] Index by_id(std::string_view text) const;
  /// The record that an entry is of; where its parts name several, none, and `contradicts_` says so.
  [[nodiscard]] Index identify(const Json& entry, int depth = 0);
  [[nodiscard]] Index place_in(const Json& path) const;
  void settle_rows();

  void add(std::size_t index, const Json& entry);
  void add(std::size_t index, int status, std::string said, bool gone = false);
  void unclear(std::string_view key, const Json& value);

  const Asked& asked_;
  std::size_t count_ = 0;  ///< of records that were sent
  std::unordered_map<std::string_view, std::size_t> by_id_;
  bool ids_like_places_ = false;  ///< some id could be a place
  std::map<std::size_t, Verdict::Item> named_;
  std::set<std::size_t> good_, mentioned_;  ///< said to be taken; there, and nothing bad is said of them
  std::vector<std::pair<std::size_t, Verdict::Item>> rows_;
  std::size_t unnamed_ = 0, errors_ = 0, entries_ = 0;  ///< errors that name nobody; errors by count; entries that are errors
  std::vector<std::size_t> parts_;                      ///< counts of records that were taken in one way or another
  bool lists_taken_ = false;                            ///< it lists what was taken
  bool failed_ = false;                                 ///< something says that not all went well
  bool failed_as_a_whole_ = false;                      ///< perhaps nothing of it was taken
  bool contradicts_ = false;
  std::string unclear_;  ///< the first thing that nobody can tell the meaning of
};

}  // namespace crosswalk::delivery
