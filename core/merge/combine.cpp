#include "merge/combine.hpp"

#include <algorithm>
#include <string>

#include "encode/buffer.hpp"
#include "encode/json_text.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {
namespace {

struct Group {
  const MergePlan& plan;
  std::span<const State* const> states;
  std::span<const std::uint32_t> sources;

  [[nodiscard]] bool may_say(std::size_t i, Target target) const {
    return !plan.sources[sources[i]].enrich || is_update_field(target);
  }
  /// Calls `visit(state)` for those who may say something of a field, who is asked first in front, until it returns true.
  void ask(Target target, const auto& visit) const {
    const auto& order = plan.order[static_cast<std::size_t>(target)];
    if (order.empty()) {
      for (std::size_t i = 0; i < states.size(); ++i) {
        if (may_say(i, target) && visit(*states[i])) return;
      }
      return;
    }
    for (const std::uint32_t source : order) {
      for (std::size_t i = 0; i < states.size(); ++i) {
        if (sources[i] == source && may_say(i, target) && visit(*states[i])) return;
      }
    }
  }
  [[nodiscard]] bool ordered(Target target) const { return !plan.order[static_cast<std::size_t>(target)].empty(); }
};

/// The name under which a source's overruled metadata stands: its own, unless a field is called so or `crosswalk`, where
/// it is said how times are known.
std::string_view loser_key(std::string_view source, const std::vector<MetadataItem>& taken, Arena& arena) {
  Buffer key;
  std::string name(source);
  if (name == "crosswalk") name += " (source)";
  for (;;) {
    key.clear();
    add_json_string(key, name);
    key.add(':');
    const auto same = [&](const MetadataItem& item) { return item.key == key.view(); };
    if (std::none_of(taken.begin(), taken.end(), same)) return arena.keep(key.view());
    name += " (source)";
  }
}

void combine_metadata(const Group& group, Arena& arena, std::vector<MetadataItem>& to) {
  struct Said {
    std::string_view key, value;
    std::uint32_t state;
  };
  thread_local std::vector<Said> all;
  all.clear();
  for (std::uint32_t i = 0; i < group.states.size(); ++i) {
    for (const State::Meta& m : group.states[i]->metadata) all.push_back({m.key, m.value, i});
  }
  std::stable_sort(all.begin(), all.end(), [](const Said& a, const Said& b) { return a.key < b.key; });
  thread_local std::vector<Said> lost;
  lost.clear();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0 && !to.empty() && to.back().key == all[i].key) {
      if (to.back().value != all[i].value) lost.push_back(all[i]);
    } else {
      to.push_back({all[i].key, all[i].value});
    }
  }
  if (lost.empty()) return;
  std::stable_sort(lost.begin(), lost.end(),
                   [&](const Said& a, const Said& b) { return group.sources[a.state] < group.sources[b.state]; });
  const std::size_t fields = to.size();
  for (std::size_t i = 0; i < lost.size();) {
    const std::uint32_t source = group.sources[lost[i].state];
    Buffer value;
    std::string_view last_key;
    for (; i < lost.size() && group.sources[lost[i].state] == source; ++i) {
      if (lost[i].key == last_key) continue;  // of several conversations of one source, the first one's
      value.add(value.empty() ? '{' : ',');
      value.add(lost[i].key);
      value.add(lost[i].value);
      last_key = lost[i].key;
    }
    value.add('}');
    to.push_back({loser_key(group.plan.sources[source].config->name, to, arena), arena.keep(value.view())});
  }
  if (to.size() != fields) {
    std::sort(to.begin(), to.end(), [](const MetadataItem& a, const MetadataItem& b) { return a.key < b.key; });
  }
}

}  // namespace

bool is_update_field(Target target) {
  switch (target) {  // ConversationUpdate of the Conversations API
    case Target::assigned_agent_id:
    case Target::status:
    case Target::ended_at:
    case Target::handle_time:
    case Target::resolved:
    case Target::csat_score: return true;
    default: return false;
  }
}

void take_default_channel(const MergePlan& plan, std::span<const std::uint32_t> sources, Conversation& c) {
  for (std::size_t i = 0; c.channel == Channel::none && i < sources.size(); ++i) {
    if (!plan.sources[sources[i]].enrich) c.channel = channel_of(plan.sources[sources[i]].config->default_channel);
  }
}

void combine(const MergePlan& plan, std::span<const State* const> states, std::span<const std::uint32_t> sources, Arena& arena,
             Combined& to) {
  const Group group{plan, states, sources};
  Conversation& c = to.conversation;
  c = {};
  to.metadata.clear();
  to.enrichment_only = std::all_of(sources.begin(), sources.end(), [&](std::uint32_t s) { return plan.sources[s].enrich; });
  const auto first_known = [&](Target target, auto field) {
    group.ask(target, [&](const State& state) {
      if (!known(state.conversation.*field)) return false;
      c.*field = state.conversation.*field;
      return true;
    });
  };
  c.external_id = states.front()->conversation.external_id;
  first_known(Target::platform, &Conversation::platform);
  first_known(Target::channel, &Conversation::channel);
  first_known(Target::queue_id, &Conversation::queue_id);
  first_known(Target::assigned_agent_id, &Conversation::assigned_agent_id);
  first_known(Target::customer_id, &Conversation::customer_id);
  first_known(Target::subject, &Conversation::subject);
  first_known(Target::status, &Conversation::status);
  first_known(Target::handle_time, &Conversation::handle_time);
  first_known(Target::wait_time, &Conversation::wait_time);
  first_known(Target::first_response_time, &Conversation::first_response_time);
  first_known(Target::resolved, &Conversation::resolved);
  first_known(Target::csat_score, &Conversation::csat_score);
  group.ask(Target::started_at, [&](const State& state) {
    const Conversation& said = state.conversation;
    if (said.started_at && (!c.started_at || *said.started_at < *c.started_at)) take_started(c, said);
    return group.ordered(Target::started_at) && c.started_at;
  });
  group.ask(Target::ended_at, [&](const State& state) {
    const Conversation& said = state.conversation;
    if (said.ended_at && (!c.ended_at || *c.ended_at < *said.ended_at)) take_ended(c, said);
    return group.ordered(Target::ended_at) && c.ended_at;
  });
  if (states.size() == 1) {
    for (const State::Meta& m : states.front()->metadata) to.metadata.push_back({m.key, m.value});
  } else {
    combine_metadata(group, arena, to.metadata);
  }
}

}  // namespace crosswalk
