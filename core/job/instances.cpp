#include "job/instances.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

namespace crosswalk {
namespace {

using Configs = std::vector<std::unique_ptr<SourceConfig>>;

class Instances {
 public:
  Instances(const Job& job, const IdTemplate& external_id, const Configs& configs, std::uint32_t& line)
      : job_(job), external_id_(external_id), configs_(configs), line_(line) {}

  Result<void> settle(std::vector<std::vector<std::string>>& notes) {
    if (auto ok = take_said(); !ok) return ok;
    if (auto ok = inherit(); !ok) return ok;
    if (auto ok = check_ids(); !ok) return ok;
    notes.resize(configs_.size());
    for (std::size_t i = 0; i < configs_.size(); ++i) {
      if (external_id_.names_instance() && configs_[i]->instance.empty()) notes[i].push_back(without_instance(i));
    }
    return {};
  }

 private:
  [[nodiscard]] bool merges(std::size_t i) const { return !job_.sources[i].enrich; }
  [[nodiscard]] bool same_platform(std::size_t a, std::size_t b) const { return configs_[a]->platform == configs_[b]->platform; }
  [[nodiscard]] Error error(std::size_t source, std::string message, std::string cure) const {
    line_ = job_.sources[source].line;
    return {Errc::usage, fmt::format("{}:{}: {}", job_.path, job_.sources[source].line, message), std::move(cure)};
  }

  /// Of sources that make conversations, what they say themselves or what the job says for all.
  Result<void> take_said() {
    for (std::size_t i = 0; i < configs_.size(); ++i) {
      const JobSource& source = job_.sources[i];
      configs_[i]->instance = source.instance.empty() && merges(i) ? job_.instance : source.instance;
    }
    if (external_id_.names_source()) return {};
    for (std::size_t b = 0; b < configs_.size(); ++b) {
      for (std::size_t a = 0; a < b; ++a) {
        if (!merges(a) || !merges(b) || !same_platform(a, b)) continue;
        if (!configs_[a]->instance.empty() && !configs_[b]->instance.empty()) continue;
        return error(
            b,
            fmt::format("sources \"{}\" and \"{}\" are both of platform {}, and it is not said whether they are of one "
                        "account: two accounts' ticket 123 are two conversations, in two exports of one account it is one",
                        configs_[a]->name, configs_[b]->name, configs_[a]->platform),
            "give both the key instance: the same for exports of one account, for example instance = \"main\"; different "
            "ones for two accounts, with [job] external_id = \"{platform}:{instance}:{id}\"");
      }
    }
    return {};
  }

  /// A source that enriches is of its platform's only instance, unless it says another.
  Result<void> inherit() {
    for (std::size_t i = 0; i < configs_.size(); ++i) {
      if (merges(i) || !configs_[i]->instance.empty()) continue;
      std::set<std::string> there;
      for (std::size_t m = 0; m < configs_.size(); ++m) {
        if (merges(m) && same_platform(i, m)) there.insert(configs_[m]->instance);
      }
      if (there.size() == 1) {
        configs_[i]->instance = *there.begin();
      } else if (!job_.instance.empty()) {
        configs_[i]->instance = job_.instance;
      } else if (there.size() > 1 && external_id_.names_instance()) {
        return error(i,
                     fmt::format("source \"{}\" enriches, and platform {} has several instances: {}", configs_[i]->name,
                                 configs_[i]->platform, fmt::join(there, ", ")),
                     fmt::format("say whose conversations it is about, for example instance = \"{}\"", *there.rbegin()));
      }
    }
    return {};
  }

  [[nodiscard]] IdTemplate::Values values(std::size_t i) const {
    return {"", configs_[i]->platform, configs_[i]->instance, configs_[i]->name, ""};
  }

  /// Two systems' ticket 123 are two conversations: no external_id may stand for both.
  Result<void> check_ids() const {
    for (std::size_t b = 0; b < configs_.size(); ++b) {
      for (std::size_t a = 0; a < b; ++a) {
        if (auto ok = check_pair(a, b); !ok) return ok;
      }
    }
    return {};
  }

  Result<void> check_pair(std::size_t a, std::size_t b) const {
    const SourceConfig &one = *configs_[a], &other = *configs_[b];
    const bool platforms = !same_platform(a, b), instances = !platforms && one.instance != other.instance;
    if (!platforms && !instances) return check_one_account(a, b);
    // What enriches is to meet the conversations of others, if the job says so by its template.
    const bool both_merge = merges(a) && merges(b);
    if (!both_merge && (platforms ? !job_.external_id.empty() : one.instance.empty() || other.instance.empty())) return {};
    if (external_id_.keeps_apart(values(a), values(b))) return {};
    const bool named = platforms ? names("{platform}") : names("{instance}");
    if (named || external_id_.names_source())
      return error(b, alike(a, b), "put a character between the parts that no name has, such as \"{platform}:{instance}:{id}\"");
    if (instances) {
      return error(
          b,
          fmt::format("sources \"{}\" and \"{}\" are of two instances of platform {}, \"{}\" and \"{}\", whose ids may be "
                      "the same for different conversations",
                      one.name, other.name, one.platform, one.instance, other.instance),
          "[job] external_id = \"{platform}:{instance}:{id}\"");
    }
    return Error{
        Errc::usage,
        fmt::format("{}: sources \"{}\" ({}) and \"{}\" ({}) are of different platforms, whose ids may be the same for "
                    "different conversations",
                    job_.path, one.name, one.platform, other.name, other.platform),
        fmt::format("[job] external_id = \"{}\"; where they are one platform, give both sources the same setting platform",
                    any_instances() ? "{platform}:{instance}:{id}" : "{platform}:{id}")};
  }

  /// Equal instances say that the records are of the same conversations; by {source} these would have two ids.
  Result<void> check_one_account(std::size_t a, std::size_t b) const {
    if (!merges(a) || !merges(b) || !external_id_.names_source() || configs_[a]->instance.empty()) return {};
    return error(b,
                 fmt::format("sources \"{}\" and \"{}\" are of one instance, \"{}\", so their records are of the same "
                             "conversations; by {{source}} in [job] external_id each of these would get two ids",
                             configs_[a]->name, configs_[b]->name, configs_[a]->instance),
                 "write {instance} there instead of {source}, or give the sources different instances");
  }

  [[nodiscard]] bool names(std::string_view placeholder) const { return job_.external_id.find(placeholder) != std::string::npos; }
  [[nodiscard]] bool any_instances() const {
    return std::any_of(configs_.begin(), configs_.end(), [](const auto& config) { return !config->instance.empty(); });
  }

  [[nodiscard]] std::string alike(std::size_t a, std::size_t b) const {
    const auto example = [&](std::size_t i) {
      IdTemplate::Values with = values(i);
      with.id = "…";
      std::string id;
      external_id_.write(with, id);
      return id;
    };
    return fmt::format(
        "[job] external_id = \"{}\" makes ids of source \"{}\" like {} and of source \"{}\" like {}, which may be "
        "the same for different conversations",
        job_.external_id, configs_[a]->name, example(a), configs_[b]->name, example(b));
  }

  [[nodiscard]] std::string without_instance(std::size_t i) const {
    IdTemplate::Values with = values(i);
    with.id = "…";
    std::string id;
    external_id_.write(with, id);
    return fmt::format(
        "the source says no instance, so {{instance}} is nothing in its ids: {}; give it one before they are "
        "delivered, since ids stay",
        id);
  }

  const Job& job_;
  const IdTemplate& external_id_;
  const Configs& configs_;
  std::uint32_t& line_;  // of the error
};

}  // namespace

Result<void> settle_instances(const Job& job, const IdTemplate& external_id, const Configs& configs,
                              std::vector<std::vector<std::string>>& notes, std::uint32_t& line) {
  return Instances(job, external_id, configs, line).settle(notes);
}

std::vector<std::uint32_t> lead_sources(const Job& job, const IdTemplate& external_id, const Configs& configs) {
  std::vector<std::uint32_t> leads;
  for (std::uint32_t i = 0; i < configs.size(); ++i) {
    std::uint32_t lead = 0;
    for (; lead < i; ++lead) {
      if (leads[lead] != lead || job.sources[lead].enrich || job.sources[i].enrich) continue;
      const SourceConfig &one = *configs[lead], &other = *configs[i];
      const bool said = !one.instance.empty() && !external_id.names_source();
      if (said && one.platform == other.platform && one.instance == other.instance && one.info.id == other.info.id) break;
    }
    leads.push_back(lead);
  }
  return leads;
}

}  // namespace crosswalk
