// What the normalizer made of one record and by which rules, reported while it decides. In a run there is no observer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/conversation.hpp"
#include "rules.hpp"
#include "text.hpp"

namespace crosswalk {

struct RecordReport {
  enum class Fate : std::uint8_t { translated, filtered, rejected };
  std::uint32_t file = 0;  ///< index into the source's inputs
  std::uint64_t line = 0, offset = 0, size = 0;
  std::uint64_t last_line = 0;  ///< UINT64_MAX: not known
  Fate fate = Fate::translated;
  std::string id, external_id;                    ///< its own, and what the job's template makes of it; empty: not known
  std::string code, field, found, message, cure;  ///< of a reject; of a filtered record `code` is the rule

  /// A field of the record and what it was to a target.
  struct Use {
    Target target = Target::none;
    std::string field, found;  ///< its name and text; no name: the value is of no single field
    Rule rule = Rule::none;
    std::string detail;                      ///< of the rule
    std::string how;                         ///< how the text was read: a zone, a unit
    std::vector<std::string> settings = {};  ///< that had a say in it, as `name = value`
  };
  std::vector<Use> made;  ///< what stands, each target once
  std::vector<Use> lost;  ///< fields that wanted a target and are not its value

  /// A touchpoint whose kind a rule made of the source's word for it.
  struct Typed {
    Hash128 id;
    std::string word;
    Rule rule = Rule::none;
    std::string detail;
  };
  std::vector<Typed> touchpoints;

  struct Carried {
    std::string key, field;  ///< the entry in metadata, as JSON text with a colon; the field it comes from
    std::vector<std::string> settings = {};
  };
  std::vector<Carried> carried;
};

/// The line in which a record ends that begins in line `first`.
[[nodiscard]] std::uint64_t last_line_of(std::uint64_t first, std::string_view record);

/// Called by all threads that translate.
class RecordObserver {
 public:
  virtual ~RecordObserver() = default;
  /// Whether what becomes of a record's fields is to be reported. `raw`: its bytes.
  virtual bool wants(std::uint32_t file, std::uint64_t line, std::uint64_t offset, std::string_view raw) = 0;
  /// A wanted record; and each that is filtered or rejected, of which no more than its fate is sure to be known.
  virtual void take(RecordReport&& report) = 0;
};

}  // namespace crosswalk
