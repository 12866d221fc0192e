// The ledger: what became of every input record. Entries are small while they are sorted by place; lines are made last.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "encode/buffer.hpp"
#include "merge/contribution.hpp"

namespace crosswalk {

enum class Fate : std::uint8_t {
  written,   ///< became a conversation; of several records that did, the first in the input
  merged,    ///< became part of one
  update,    ///< became a ConversationUpdate of a conversation that is not in the run
  filtered,  ///< left out by a rule
  rejected,
  superseded,  ///< a newer record of the same conversation replaced it as a whole
};
[[nodiscard]] std::string_view name_of(Fate fate);

/// Appends an entry for a Sorter, whose key is the place. `what`: the external_id, or the filter's rule, or the reject's
/// code.
void add_ledger_entry(Buffer& out, std::uint32_t source, const Origin& origin, Fate fate, std::string_view what);

struct LedgerLine {
  std::uint32_t source = 0;
  Origin origin;
  Fate fate = Fate::written;
  std::string_view what;
};
[[nodiscard]] LedgerLine read_ledger_entry(std::string_view key, std::string_view payload);

/// As JSON on one line, which begins as all of its file's lines do: with what ledger_head() gives.
[[nodiscard]] std::string ledger_head(std::string_view source, std::string_view file);
void add_ledger_line(Buffer& out, std::string_view head, const LedgerLine& line);

}  // namespace crosswalk
