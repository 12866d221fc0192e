// Manifests: found in the library file by their mark, read as data.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "crosswalk/host.hpp"
#include "crosswalk/json.hpp"
#include "crosswalk/plugin.h"

namespace crosswalk {
namespace {

constexpr off_t kLargestLibrary = off_t{256} << 20;
constexpr std::size_t kLargestManifest = std::size_t{256} << 10;

/// A file's bytes, mapped for reading.
class Mapping {
 public:
  explicit Mapping(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat status {};
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 && status.st_size <= kLargestLibrary) {
      size_ = static_cast<std::size_t>(status.st_size);
      data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
      if (data_ == MAP_FAILED) data_ = nullptr;
    }
    ::close(fd);
  }
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] std::string_view bytes() const {
    return data_ == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data_), size_);
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

Error refusal(std::string message) { return {Errc::adapter, std::move(message), ""}; }

Result<std::string> manifest_text(const std::string& path) {
  const Mapping file(path);
  const std::string_view bytes = file.bytes();
  if (bytes.empty()) return refusal("the file cannot be read as a library");
  const std::string_view mark = CW_MANIFEST_MARK;
  const std::size_t at = bytes.find(mark);
  if (at == std::string_view::npos) return refusal("it has no Crosswalk manifest, so it is not an adapter");
  if (bytes.find(mark, at + mark.size()) != std::string_view::npos)
    return refusal("it has two manifests; one library is one adapter");
  const std::string_view rest = bytes.substr(at + mark.size(), kLargestManifest);
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return refusal("its manifest has no end");
  return std::string(rest.substr(0, end));
}

bool good_id(std::string_view id) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), good) && id.front() != '-';
}

const Json& at(const Json& json, const char* key) {
  const Json* const found = json.find(key);
  if (found == nullptr) throw std::runtime_error(fmt::format("'{}' is missing", key));
  return *found;
}

std::string text_of(const Json& json, const char* key) {
  const std::string* const text = at(json, key).text();
  if (text == nullptr) throw std::runtime_error(fmt::format("'{}' is not a text", key));
  return *text;
}
std::string text_of(const Json& json, const char* key, std::string_view fallback) {
  return json.contains(key) ? text_of(json, key) : std::string(fallback);
}

int number_of(const Json& json, const char* key) {
  const std::string* const text = at(json, key).scalar();
  int number = 0;
  const char* const end = text == nullptr ? nullptr : text->data() + text->size();
  if (text == nullptr || std::from_chars(text->data(), end, number).ptr != end) {
    throw std::runtime_error(fmt::format("'{}' is not a whole number", key));
  }
  return number;
}

std::vector<Json> list_of(const Json& json, const char* key) {
  if (!json.contains(key)) return {};
  if (!at(json, key).is_array()) throw std::runtime_error(fmt::format("'{}' is not a list", key));
  return at(json, key).items();
}

std::vector<std::string> texts(const Json& json, const char* key) {
  std::vector<std::string> list;
  for (const Json& one : list_of(json, key)) {
    if (one.text() == nullptr) throw std::runtime_error(fmt::format("'{}' is not a list of texts", key));
    list.push_back(*one.text());
  }
  return list;
}

Framing framing_of(const std::string& name) {
  if (name == "csv") return Framing::csv;
  if (name == "json") return Framing::json;
  throw std::runtime_error(fmt::format("framing \"{}\" is neither csv nor json", name));
}

Option option_of(const Json& json) {
  Option option;
  option.name = text_of(json, "name");
  option.help = text_of(json, "help");
  option.fallback = text_of(json, "default", "");
  option.values = texts(json, "values");
  const auto type = text_of(json, "type");
  if (type == "text") {
    option.type = Option::Type::text;
  } else if (type == "boolean") {
    option.type = Option::Type::boolean;
  } else if (type == "number") {
    option.type = Option::Type::number;
  } else if (type == "choice") {
    option.type = Option::Type::choice;
  } else {
    throw std::runtime_error(fmt::format("option {}: type \"{}\" is none of text, boolean, number, choice", option.name, type));
  }
  return option;
}

IdentifyRule rule_of(const Json& json) {
  IdentifyRule rule;
  rule.framing = framing_of(text_of(json, "framing"));
  rule.score = number_of(json, "score");
  if (rule.score < 1 || rule.score > 100) throw std::runtime_error("a score is between 1 and 100");
  rule.all = texts(json, "all");
  rule.any = texts(json, "any");
  rule.none = texts(json, "none");
  return rule;
}

AdapterInfo info_of(const Json& json) {
  AdapterInfo info;
  info.id = text_of(json, "id");
  if (!good_id(info.id)) throw std::runtime_error("the id is made of a-z, 0-9 and -");
  info.version = text_of(json, "version");
  info.abi = static_cast<unsigned>(number_of(json, "abi"));
  info.summary = text_of(json, "summary");
  for (const std::string& name : texts(json, "framings")) info.framings.push_back(framing_of(name));
  if (info.framings.empty()) throw std::runtime_error("framings is empty");
  const auto records = text_of(json, "records");
  if (records == "conversations") {
    info.role = RecordRole::conversation;
  } else if (records == "updates") {
    info.role = RecordRole::update;
  } else if (records == "events") {
    info.role = RecordRole::event;
  } else {
    throw std::runtime_error(fmt::format("records: \"{}\" is none of conversations, updates, events", records));
  }
  info.platform = text_of(json, "platform", info.id);
  info.default_channel = text_of(json, "default_channel", "");
  info.time_format = text_of(json, "time_format", "auto");
  const auto zone = text_of(json, "time_zone", "optional");
  if (zone != "required" && zone != "utc" && zone != "optional") {
    throw std::runtime_error(fmt::format("time_zone: \"{}\" is none of required, utc, optional", zone));
  }
  info.zone_required = zone == "required";
  info.utc_by_document = zone == "utc";
  for (const Json& option : list_of(json, "options")) info.options.push_back(option_of(option));
  for (const Json& rule : list_of(json, "identify")) info.identify.push_back(rule_of(rule));
  if (const Json* const columns = json.find("columns")) {
    for (const std::string& target : columns->names()) {
      if (!at(*columns, target.c_str()).is_array()) {
        info.columns.emplace_back(target, text_of(*columns, target.c_str()));
        continue;
      }
      for (std::string& one : texts(*columns, target.c_str())) info.columns.emplace_back(target, std::move(one));
    }
  }
  return info;
}

}  // namespace

Result<AdapterInfo> read_manifest(const std::string& path) {
  auto text = manifest_text(path);
  if (!text) return text.error();
  try {
    const auto json = Json::parse(*text);
    if (!json) throw std::runtime_error("it is no JSON");
    const int abi = number_of(*json, "abi");  // first: what else another major says is not ours to judge
    if (abi != static_cast<int>(CW_ABI_MAJOR)) {
      return refusal(fmt::format("it was built for adapter ABI {}, this program speaks {}: rebuild it against this plugin.h", abi,
                                 CW_ABI_MAJOR));
    }
    AdapterInfo info = info_of(*json);
    info.path = path;
    return info;
  } catch (const std::runtime_error& e) { return refusal(fmt::format("its manifest cannot be used: {}", e.what())); }
}

}  // namespace crosswalk
