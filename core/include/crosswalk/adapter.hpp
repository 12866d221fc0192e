// What core knows of an adapter: its manifest, and a translator that names fields. The plugin host implements these over
// the C door (plugin.h); tests implement them in place. The rules stated in plugin.h hold here too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crosswalk/conversation.hpp"
#include "crosswalk/record.hpp"
#include "crosswalk/result.hpp"

namespace crosswalk {

enum class Framing : std::uint8_t { csv, json };
[[nodiscard]] std::string_view name_of(Framing framing);

/// What one record of the source is.
enum class RecordRole : std::uint8_t {
  conversation,  ///< a whole conversation: translated one by one
  update,        ///< what is newly known of a conversation: the same id again adds to it
  event,         ///< one touchpoint: many make a conversation
};
[[nodiscard]] std::string_view name_of(RecordRole role);

/// A setting of an adapter, as its manifest declares it.
struct Option {
  enum class Type : std::uint8_t { text, boolean, number, choice };
  std::string name;
  Type type = Type::text;
  std::string fallback;             ///< the default
  std::vector<std::string> values;  ///< for a choice
  std::string help;
};

/// A bid: if the names found in the head of an input fit, the adapter offers `score` (1 to 100).
struct IdentifyRule {
  Framing framing = Framing::csv;
  int score = 0;
  std::vector<std::string> all;   ///< each of these names is there
  std::vector<std::string> any;   ///< at least one of these, when the list is not empty
  std::vector<std::string> none;  ///< none of these
};

struct AdapterInfo {
  std::string id;
  std::string version;
  std::string summary;
  unsigned abi = 0;
  std::vector<Framing> framings;
  RecordRole role = RecordRole::conversation;
  std::string platform;          ///< default of the setting `platform`
  std::string default_channel;   ///< default of the setting `default_channel`; may be empty
  bool zone_required = false;    ///< times are written without a zone, and no document says which
  bool utc_by_document = false;  ///< times without an offset are UTC, the source's documents say so
  std::string time_format;       ///< default of the setting `time_format`, where the source's documents fix the form
  std::vector<Option> options;
  std::vector<IdentifyRule> identify;
  std::vector<std::pair<std::string, std::string>> columns;  ///< of which column (or field) it makes a target, for messages
  std::string path;                                          ///< of the library
};

/// How a value is written (plugin.h: cw_how).
enum class How : std::uint8_t { as_configured = 0, seconds = 1, minutes = 2, hours = 3, milliseconds = 4, utc = 5 };
/// How a field is carried (plugin.h: cw_form).
enum class Form : std::uint8_t { as_is = 0, words = 1 };
/// What becomes of unlisted words (plugin.h: cw_others).
enum class Others : std::uint8_t { bad = 0, lower = 1, no = 2 };

class Setup {
 public:
  virtual ~Setup() = default;
  [[nodiscard]] virtual std::string_view setting(std::string_view name) const = 0;
  /// All there are.
  virtual void each_setting(const std::function<void(std::string_view name, std::string_view value)>& visit) const = 0;
  virtual void word(Target target, std::string_view from, std::string_view to) = 0;
  virtual void others(Target target, Others others) = 0;
  virtual void absent(Target target, std::string_view value) = 0;
};

class Binder {
 public:
  virtual ~Binder() = default;
  virtual void map(std::uint16_t field, Target target, How how, std::uint32_t rank) = 0;
  virtual void carry(std::uint16_t field, std::string_view name, Form form) = 0;
  virtual void drop(std::uint16_t field, std::string_view rule) = 0;
  virtual void body(std::uint16_t field, std::string_view name) = 0;
  virtual void claim(std::uint16_t field) = 0;
};

enum class TouchKind : std::uint8_t { sms = 1, email, call, chat, social, note, other };
inline constexpr std::size_t kTouchKinds = 8;
[[nodiscard]] std::string_view name_of(TouchKind kind);
enum class Direction : std::uint8_t { unknown = 0, inbound, outbound, internal };

/// A touchpoint as an adapter tells it: texts, not yet understood.
struct TouchpointText {
  TouchKind kind = TouchKind::other;
  Direction direction = Direction::unknown;
  How duration_how = How::seconds;
  std::string_view id, at, user, duration, subject;
  bool deleted = false;   ///< by its source: it takes back what older records say under its id
  std::string_view type;  ///< the source's word for the kind
};

struct Refusal {
  std::string_view code, field, found, message, cure;
};

class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual bool set(Target target, How how, std::uint32_t rank, const Field& value) = 0;
  virtual bool touchpoint(const TouchpointText& touchpoint) = 0;
  virtual bool carry(std::string_view name, const Field& value, Form form) = 0;
  virtual bool drop(const Field& value, std::string_view rule) = 0;
  virtual bool filter(std::string_view rule) = 0;
  virtual bool refuse(const Refusal& refusal) = 0;
  virtual bool remark(const Refusal& remark) = 0;
  virtual bool walk(const Field& array, std::string_view prefix, const std::function<bool(const Record&)>& element) = 0;
};

/// A translator in a process of its own: records are handed to it ahead, several at a time, and what it says of them is taken up
/// later, in the same order. So its time for an answer is nobody's wait. Used by its translator's thread.
class RemoteTranslator {
 public:
  virtual ~RemoteTranslator() = default;
  /// Text in here stays until forget().
  [[nodiscard]] virtual std::string_view texts() const = 0;
  /// Copies a record. Gives the copy, which stays until forget(), or nothing when it is larger than can be handed over.
  virtual std::optional<Record> add(const Record& record) = 0;
  /// Adds the elements of an array to the record that was added last: Receiver::walk needs them.
  virtual void begin_array(std::size_t field, std::string_view prefix) = 0;
  virtual void add_element(const Record& element) = 0;
  virtual void end_array(bool whole) = 0;

  struct Array {
    std::size_t field = 0;  ///< index in the record
    std::string prefix;
  };
  /// Says to `receiver` what the adapter says of the record that was added as number `number`, from 0. If that needs elements
  /// that were not added, gives the array; then nothing was said, and the record must be added again with them.
  virtual std::optional<Array> receive(std::size_t number, Receiver& receiver) = 0;
  /// The next record is number 0.
  virtual void forget() = 0;
};

/// One worker's translator. Used by one thread at a time.
class Translator {
 public:
  virtual ~Translator() = default;
  /// Says what fields first … are; an error refuses the input.
  virtual Result<void> bind(std::uint16_t first, std::span<const std::string_view> names, Binder& binder) = 0;
  /// False when bind() says everything: translate() need not be called.
  [[nodiscard]] virtual bool translates() const = 0;
  virtual void translate(const Record& record, Receiver& receiver) = 0;
  /// Where not null, that is asked instead of translate().
  [[nodiscard]] virtual RemoteTranslator* remote() { return nullptr; }
};

/// An adapter. Thread-safe.
class Adapter {
 public:
  virtual ~Adapter() = default;
  [[nodiscard]] virtual const AdapterInfo& info() const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Translator>> open(Setup& setup) const = 0;
  /// Whether its translators are remote ones: it is dear to wake those, so they are given much at a time.
  [[nodiscard]] virtual bool is_remote() const { return false; }
};

/// Where adapters come from. info() of all is known without running any adapter's code; load() runs the chosen one's.
class AdapterCatalog {
 public:
  virtual ~AdapterCatalog() = default;
  [[nodiscard]] virtual std::vector<const AdapterInfo*> adapters() const = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<const Adapter>> load(std::string_view id) = 0;
};

}  // namespace crosswalk
