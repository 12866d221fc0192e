// The smallest adapter. To make your own:
//   1. Copy this folder below adapters/, and name it and the id in the manifest after the vendor and the shape: acme-csv.
//   2. In the manifest, say what the source writes: framings, what a record is, whether its times carry a zone.
//   3. In `identify`, list the field names by which your export is known, in lower case.
//   4. In bind(), say what each field is. Fields you say nothing about are carried into metadata under their own names.
//   5. Only if a field's meaning depends on other fields of its record: claim() it and write translate().
//   6. Put a golden case below tests/golden/cases/acme-csv/, with a file that the real application wrote.
#include <cstdint>
#include <string>
#include <string_view>

#include "crosswalk/plugin.hpp"

namespace {

namespace cp = crosswalk::plugin;

class Example final : public cp::Translator {
 public:
  explicit Example(cp::Setup& setup) {
    setup.word(CW_CHANNEL, "tel", "phone");
    setup.word(CW_CHANNEL, "web", setup.setting("web_is"));
    // Of other words nothing is known, so they leave it out, and are counted.
    setup.word(CW_RESOLVED, "done", "true");
    for (const char* state : {"open", "waiting"}) setup.word(CW_RESOLVED, state, "false");
  }

  void bind(std::uint16_t first, cp::Names names, cp::Binder& binder) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto field = static_cast<std::uint16_t>(first + i);
      const std::string name = cp::folded(cp::view(names[i]));
      if (name == "case") binder.map(field, CW_EXTERNAL_ID);
      if (name == "opened") binder.map(field, CW_STARTED_AT);
      if (name == "closed") binder.map(field, CW_ENDED_AT);
      if (name == "by") binder.map(field, CW_CHANNEL);
      if (name == "talk minutes") binder.map(field, CW_HANDLE_TIME, CW_MINUTES);
      if (name == "state") {
        binder.map(field, CW_STATUS);
        binder.map(field, CW_RESOLVED);
      }
    }
  }
};

}  // namespace

CROSSWALK_ADAPTER(Example, R"({
  "id": "example-csv",
  "version": "1.0.0",
  "abi": 1,
  "summary": "The smallest adapter, to be copied",
  "framings": ["csv", "json"],
  "records": "conversations",
  "time_zone": "required",
  "options": [
    {"name": "web_is", "type": "choice", "values": ["chat", "email"], "default": "chat", "help": "what the word web means"}
  ],
  "identify": [
    {"framing": "csv", "score": 50, "all": ["case", "opened", "by"]},
    {"framing": "json", "score": 50, "all": ["case", "opened", "by"]}
  ]
})")
