// A merge put together by hand, and everything that comes of it: for the tests of the merge.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/time.hpp"
#include "merge/merger.hpp"
#include "pipeline/source.hpp"
#include "said.hpp"

namespace crosswalk {

struct Merged {
  std::string error;
  std::string conversations, updates, rejects, ledger;
  std::vector<Finished::Accounts> sources;
  LinkReport links;
  StartOffsets offsets;
  std::string first_conversation;
  bool spilled = false;
};

/// Sources by name, and a plan over them.
class Merging {
 public:
  explicit Merging(const std::vector<std::string_view>& names) {
    static const auto zones = ZoneDatabase::open();
    for (const std::string_view name : names) {
      auto& config = configs_.emplace_back(std::make_unique<SourceConfig>());
      config->name = name;
      config->inputs = {std::string(name) + "-1.json", std::string(name) + "-2.json"};
      if (zones) config->zones = *zones;
      plan.sources.push_back({config.get()});
    }
    plan.ledger = true;
  }
  [[nodiscard]] SourceConfig& config(std::size_t source) { return *configs_[source]; }
  void prefer(Target target, std::vector<std::uint32_t> order) {
    plan.order[static_cast<std::size_t>(target)] = std::move(order);
  }
  /// `left` and `right`: sources.
  void link(std::size_t left, Target left_target, std::size_t right, Target right_target) {
    links.push_back({{left, left_target, "", ""}, {right, right_target, "", ""}});
  }

  /// `entries_at_once`: into how large adds the records are split.
  [[nodiscard]] Merged run(const std::vector<Said>& all, std::size_t entries_at_once = 3) const {
    Merger merger(plan, links, limits);
    Merged merged;
    merged.sources.resize(plan.sources.size());
    const auto never = [] { return false; };
    Result<void> result = fill(merger, all, entries_at_once);
    if (result) result = merger.link(never);
    if (result) {
      result = merger.finish(never, [&](Finished& some) -> Result<void> {
        merged.conversations += some.conversations.view();
        merged.updates += some.updates.view();
        for (std::size_t i = 0; i < some.sources.size(); ++i) {
          Finished::Accounts& sum = merged.sources[i];
          sum.books.add(some.sources[i].books);
          sum.written += some.sources[i].written;
          sum.updates += some.sources[i].updates;
          sum.merged += some.sources[i].merged;
          sum.superseded += some.sources[i].superseded;
          sum.findings.add(some.sources[i].findings);
          sum.deleted_touchpoints += some.sources[i].deleted_touchpoints;
          sum.repeated_touchpoints += some.sources[i].repeated_touchpoints;
          if (sum.enrichment.unmet == 0) sum.enrichment.unmet_example = some.sources[i].enrichment.unmet_example;
          sum.enrichment.conversations += some.sources[i].enrichment.conversations;
          sum.enrichment.records += some.sources[i].enrichment.records;
          sum.enrichment.unmet += some.sources[i].enrichment.unmet;
        }
        merged.offsets.add(some.offsets);
        if (merged.first_conversation.empty()) merged.first_conversation = some.first_conversation;
        return {};
      });
    }
    if (result) {
      result = merger.each_reject([&](std::string_view lines) -> Result<void> {
        merged.rejects += lines;
        return {};
      });
    }
    if (result) {
      result = merger.each_ledger_line([&](std::string_view lines) -> Result<void> {
        merged.ledger += lines;
        return {};
      });
    }
    if (!result) merged.error = result.error().text();
    if (merger.links() != nullptr) merged.links = *merger.links();
    merged.spilled = merger.spilled();
    return merged;
  }

  MergePlan plan;
  std::vector<LinkRule> links;
  Merger::Limits limits{std::size_t{64} << 20, 1};

 private:
  static Result<void> fill(Merger& merger, const std::vector<Said>& all, std::size_t entries_at_once) {
    Buffer entries;
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].add_to(entries);
      if ((i + 1) % entries_at_once != 0 && i + 1 != all.size()) continue;
      if (auto ok = merger.add(entries.view()); !ok) return ok;
      entries.clear();
    }
    return {};
  }

  std::vector<std::unique_ptr<SourceConfig>> configs_;
};

}  // namespace crosswalk
