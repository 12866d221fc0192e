// Manifests: found in the library file by their mark, read as data.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "crosswalk/host.hpp"
#include "crosswalk/plugin.h"

namespace crosswalk {
namespace {

using Json = nlohmann::json;

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

std::vector<std::string> texts(const Json& json, const char* key) {
  return json.contains(key) ? json.at(key).get<std::vector<std::string>>() : std::vector<std::string>();
}

Framing framing_of(const std::string& name) {
  if (name == "csv") return Framing::csv;
  if (name == "json") return Framing::json;
  throw std::runtime_error(fmt::format("framing \"{}\" is neither csv nor json", name));
}

Option option_of(const Json& json) {
  Option option;
  option.name = json.at("name").get<std::string>();
  option.help = json.at("help").get<std::string>();
  option.fallback = json.value("default", "");
  option.values = texts(json, "values");
  const auto type = json.at("type").get<std::string>();
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
  rule.framing = framing_of(json.at("framing").get<std::string>());
  rule.score = json.at("score").get<int>();
  if (rule.score < 1 || rule.score > 100) throw std::runtime_error("a score is between 1 and 100");
  rule.all = texts(json, "all");
  rule.any = texts(json, "any");
  rule.none = texts(json, "none");
  return rule;
}

AdapterInfo info_of(const Json& json) {
  AdapterInfo info;
  info.id = json.at("id").get<std::string>();
  if (!good_id(info.id)) throw std::runtime_error("the id is made of a-z, 0-9 and -");
  info.version = json.at("version").get<std::string>();
  info.abi = json.at("abi").get<unsigned>();
  info.summary = json.at("summary").get<std::string>();
  for (const std::string& name : texts(json, "framings")) info.framings.push_back(framing_of(name));
  if (info.framings.empty()) throw std::runtime_error("framings is empty");
  const auto records = json.at("records").get<std::string>();
  if (records == "conversations") {
    info.role = RecordRole::conversation;
  } else if (records == "updates") {
    info.role = RecordRole::update;
  } else if (records == "events") {
    info.role = RecordRole::event;
  } else {
    throw std::runtime_error(fmt::format("records: \"{}\" is none of conversations, updates, events", records));
  }
  info.platform = json.value("platform", info.id);
  info.default_channel = json.value("default_channel", "");
  info.time_format = json.value("time_format", "auto");
  const auto zone = json.value("time_zone", "optional");
  if (zone != "required" && zone != "utc" && zone != "optional") {
    throw std::runtime_error(fmt::format("time_zone: \"{}\" is none of required, utc, optional", zone));
  }
  info.zone_required = zone == "required";
  info.utc_by_document = zone == "utc";
  if (json.contains("options")) {
    for (const Json& option : json.at("options")) info.options.push_back(option_of(option));
  }
  if (json.contains("identify")) {
    for (const Json& rule : json.at("identify")) info.identify.push_back(rule_of(rule));
  }
  if (json.contains("columns")) {
    for (const auto& [target, column] : json.at("columns").items()) info.columns.emplace_back(target, column.get<std::string>());
  }
  return info;
}

}  // namespace

Result<AdapterInfo> read_manifest(const std::string& path) {
  auto text = manifest_text(path);
  if (!text) return text.error();
  try {
    const Json json = Json::parse(*text);
    const auto abi = json.at("abi").get<unsigned>();  // first: what else another major says is not ours to judge
    if (abi != CW_ABI_MAJOR) {
      return refusal(fmt::format("it was built for adapter ABI {}, this program speaks {}: rebuild it against this plugin.h", abi,
                                 CW_ABI_MAJOR));
    }
    AdapterInfo info = info_of(json);
    info.path = path;
    return info;
  } catch (const std::exception& e) { return refusal(fmt::format("its manifest cannot be used: {}", e.what())); }
}

}  // namespace crosswalk
