// Where a job's conversations go. All sinks get the same lines; nothing is published before every sink could finish.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"
#include "sinks/publication.hpp"

namespace crosswalk {

/// Used by one thread. After the first error a sink is not called again; its destructor leaves no half-written file.
class Sink {
 public:
  virtual ~Sink() = default;
  /// One ConversationInput as JSON on one line, with its line feed. In the job's order; each external_id once.
  virtual Result<void> conversation(std::string_view line) = 0;
  /// One ConversationUpdate likewise: enrichment of a conversation that is not in this run.
  virtual Result<void> update(std::string_view line) = 0;
  /// One rejected record, as in the rejects file.
  virtual Result<void> reject(std::string_view line) = 0;
  /// Everything has come. `summary` is the run's summary as JSON. Nothing stands under its final name yet.
  virtual Result<void> finish(std::string_view summary) = 0;
  /// What was finished stands under its final name.
  virtual Result<void> commit() = 0;
  /// After finish(): the files that commit() will put in place.
  virtual void pending(std::vector<PendingFile>&) {}
  /// Leaves them as they are, for whoever finds the list of them.
  virtual void leave() {}
  [[nodiscard]] virtual std::string_view path() const = 0;
  [[nodiscard]] virtual std::uint64_t conversations() const = 0;
  [[nodiscard]] virtual std::uint64_t updates() const = 0;
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;
};

}  // namespace crosswalk
