// A sink that delivers to an API: plans while lines come, sends when all is planned.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/job.hpp"
#include "crosswalk/result.hpp"
#include "sinks/sink.hpp"

namespace crosswalk {

struct DeliveryOptions {
  std::string origin;  ///< what is planned from: the job and its inputs, with their sizes and times
  bool full = false;
  bool look = false;     ///< plan only: nothing is sent, nothing in the journal changes
  bool list = false;     ///< keep what was decided of each conversation
  std::string requests;  ///< with look: a folder for the requests that would be sent
  bool new_key = false;
  std::string id_template;                    ///< of the job's external_ids
  bool new_ids = false;                       ///< that may be another one than what was delivered has
  std::optional<std::set<std::string>> only;  ///< external_ids; and what was refused before goes once more
};

struct DeliveryHooks {
  std::function<void(const Progress&)> progress;
  std::function<bool()> cancelled;
  std::function<Result<void>(std::string_view line)> rejected;  ///< a reject's line
  std::function<void(std::string)> note;
  std::function<void(std::string_view)> waiting;  ///< what it waits for, and until when
};

/// What the run knows of who is who.
struct IdentityFacts {
  std::vector<std::string> sources;                            ///< of the job, that say conversations
  std::function<std::string_view(std::string_view)> survivor;  ///< the id that a linked one goes by; empty: it is in no link
  /// Calls with each id that goes by another one, and that one.
  std::function<Result<void>(const std::function<Result<void>(std::string_view, std::string_view)>&)> each_linked;
  bool some_rejected = false;  ///< records that were refused may be some that are missing
};

class DeliverySink : public Sink {
 public:
  [[nodiscard]] virtual const DeliveryAccounts& accounts() const = 0;
  /// The source that the next conversations first came from.
  virtual void come_from(std::string_view source) = 0;
  /// All conversations have come. Before finish(), which then says what became of those that were delivered earlier.
  virtual void identity(IdentityFacts facts) = 0;
  /// True: the journal holds a whole plan from `origin`, or nothing to do. Else the job must be run.
  [[nodiscard]] virtual Result<bool> can_resume() = 0;
  /// Sends what is left of that plan.
  [[nodiscard]] virtual Result<void> resume() = 0;
};

/// Without `look`, what an earlier run sent without learning of its end is sent again before this returns.
[[nodiscard]] Result<std::unique_ptr<DeliverySink>> open_delivery_sink(const JobSink& sink, DeliveryOptions options,
                                                                       DeliveryHooks hooks);

/// The external_ids that a server refused, of a file of rejects.
[[nodiscard]] Result<std::set<std::string>> refused_ids(const std::string& rejects);

}  // namespace crosswalk
