// Links: the same conversation in two systems, joined by a rule over their fields.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arena.hpp"
#include "crosswalk/job.hpp"
#include "merge/combine.hpp"
#include "merge/sorter.hpp"

namespace crosswalk {

/// What a run's links came to.
struct LinkReport {
  struct Rule {
    std::uint64_t left = 0, right = 0;  ///< conversations that have a value there
    std::uint64_t joined = 0;           ///< values that both sides have
  };
  std::vector<Rule> rules;
  std::uint64_t groups = 0;     ///< of two or more external_ids that became one
  std::uint64_t conflicts = 0;  ///< groups that would hold several conversations of one source: left apart
  struct Conflict {
    std::string source;
    std::vector<std::string> external_ids;  ///< of that source, a few
    std::uint64_t size = 0;                 ///< external_ids of the whole group
    std::vector<std::size_t> rules;         ///< by which they would be one, by index
  };
  std::vector<Conflict> examples;  ///< by external_id, at most twenty
};

/// Conversations that rules link, and what was decided about them.
struct LinkedGroup {
  std::vector<std::string_view> members;  ///< in order; valid as long as the Links
  std::vector<std::size_t> rules;         ///< that link some of them, by index
  std::string_view survivor;              ///< the member that names the whole; empty: they are left apart
  std::uint32_t conflict = 0;             ///< the source of which the group would hold several conversations
};

/// Finds the groups: link values in, in any order; then which external_id each conversation goes by.
class Links {
 public:
  /// `budget` bytes: for values while they are sorted, and for the conversations that are linked.
  Links(const std::vector<LinkRule>& rules, const MergePlan& plan, std::size_t budget, SpillFile& spill);

  /// Appends entries for add(): what the states of one external_id say to the rules. `states` are settled.
  void collect(Buffer& out, std::string_view external_id, std::span<const State* const> states,
               std::span<const std::uint32_t> sources) const;
  Result<void> add(std::string_view entries) { return values_->add(entries); }
  /// Before resolve(): group_of() will be asked. Takes memory for each linked conversation.
  void keep_groups() { keeps_groups_ = true; }
  /// All values have come.
  Result<void> resolve();

  /// The external_id under which a conversation of the group goes on; empty: it is in no group. Any thread.
  [[nodiscard]] std::string_view survivor(std::string_view external_id) const;
  /// Null: it is in none.
  [[nodiscard]] const LinkedGroup* group_of(std::string_view external_id) const;
  [[nodiscard]] bool any() const { return !survivors_.empty(); }
  /// All of them, in no order.
  [[nodiscard]] const std::unordered_map<std::string_view, std::string_view>& survivors() const { return survivors_; }
  [[nodiscard]] const LinkReport& report() const { return report_; }

 private:
  struct Node {
    std::string_view external_id;
    std::vector<std::uint32_t> sources;
    std::uint32_t parent = 0;
  };
  /// That a conversation has a value in common with another one of its group.
  struct Edge {
    std::uint32_t node = 0, rule = 0;
  };

  Result<std::uint32_t> node(std::string_view external_id, std::string_view sources);
  std::uint32_t root(std::uint32_t node);
  Result<void> join_values();
  Result<void> join(std::uint32_t one, std::uint32_t other, std::size_t rule);
  Result<void> hold(std::size_t bytes);
  void decide(std::vector<std::uint32_t>& members);
  void leave_apart(const std::vector<std::uint32_t>& members, std::uint32_t source, const std::vector<std::uint32_t>& of_source);
  void keep_group(const std::vector<std::uint32_t>& members, std::string_view survivor, std::uint32_t conflict);
  void tell_rules();

  const std::vector<LinkRule>& rules_;
  const MergePlan& plan_;
  std::size_t budget_;
  std::vector<std::string> json_keys_;  // of both sides of each rule, as metadata has them: quotes, colon
  std::optional<Sorter> values_;        // until they are resolved
  Arena arena_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string_view, std::uint32_t> by_id_;
  std::unordered_map<std::string_view, std::string_view> survivors_;
  std::vector<Edge> edges_;
  std::size_t held_ = 0;
  bool keeps_groups_ = false;
  std::vector<LinkedGroup> groups_;
  std::unordered_map<std::string_view, std::size_t> group_of_;
  std::unordered_map<std::uint32_t, std::set<std::size_t>> rules_of_;  // by the root of a group that is told of
  LinkReport report_;
};

}  // namespace crosswalk
