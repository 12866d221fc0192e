#include "pipeline/members.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "framing/looks_like.hpp"
#include "io/decompress.hpp"
#include "io/zip.hpp"
#include "pipeline/choose.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kHead = std::size_t{256} << 10;
constexpr std::size_t kMostNames = 50;

/// Names in one line of a message. They come from a stranger.
class NameLine {
 public:
  void add(std::string_view name) {
    if (++count_ <= kMostNames) text_ += fmt::format("{}{}", text_.empty() ? "" : ", ", in_line(name, 200));
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::string text() const {
    return count_ <= kMostNames ? text_ : fmt::format("{}, and {} more", text_, grouped(count_ - kMostNames));
  }

 private:
  std::string text_;
  std::uint64_t count_ = 0;
};

bool is_file(const std::string& path) {
  std::error_code failed;
  return path != "-" && std::filesystem::is_regular_file(path, failed);
}

/// What a file manager leaves behind.
bool is_litter(std::string_view name) {
  if (name.starts_with("__MACOSX/")) return true;
  const std::string_view last = name.substr(name.rfind('/') + 1);
  return last.starts_with("._") || last == ".DS_Store" || last == "Thumbs.db" || last == "desktop.ini";
}

/// A workbook is a zip archive, too; its parts are of no use to anybody.
bool is_office_file(const ZipArchive& archive) {
  return archive.find("[Content_Types].xml") != nullptr ||
         (archive.find("mimetype") != nullptr && archive.find("META-INF/manifest.xml") != nullptr);
}

std::string listed(const ZipArchive& archive) {
  NameLine names;
  for (const ZipMember& member : archive.members()) {
    if (!member.is_folder()) names.add(member.name);
  }
  return names.count() == 0 ? "it is empty" : fmt::format("it has {}", names.text());
}

/// As the globs of files: `*` does not cross `/`, a leading `.` is named.
bool matches(const std::string& pattern, const std::string& name) {
  return pattern == name || ::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
}

/// Adds the members of one archive, those that `pattern` matches; without one, all.
Result<void> add_members(const std::string& path, const std::string* pattern, Archives& archives, std::vector<InputPath>& to,
                         std::vector<std::string>& notes) {
  const auto opened = archives.open(path);
  if (!opened) return opened.error();
  const ZipArchive& archive = **opened;
  if (pattern == nullptr && is_office_file(archive)) {
    return Error{Errc::data, fmt::format("{} is a spreadsheet or another Office file", in_line(path, 1000)),
                 "Save it as CSV (UTF-8)."};
  }
  NameLine empty, litter;
  const std::size_t before = to.size();
  for (const ZipMember& member : archive.members()) {
    if (member.is_folder() || (pattern != nullptr && !matches(*pattern, member.name))) continue;
    if (is_litter(member.name) && (pattern == nullptr || *pattern != member.name)) {
      litter.add(member.name);
    } else if (member.size == 0) {
      empty.add(member.name);
    } else {
      to.push_back({fmt::format("{}!{}", path, member.name), pattern == nullptr});
    }
  }
  const std::string shown_path = in_line(path, 1000);
  if (empty.count() != 0) notes.push_back(fmt::format("{}: members without a byte are not read: {}", shown_path, empty.text()));
  if (litter.count() != 0) {
    notes.push_back(fmt::format("{}: members that a file manager left there are not read: {}", shown_path, litter.text()));
  }
  for (const std::string& name : archive.repeated()) {
    if (pattern != nullptr && !matches(*pattern, name)) continue;
    notes.push_back(
        fmt::format("{}: {} stands in it more than once; the last one counts, as in unpacking", shown_path, in_line(name, 200)));
  }
  if (pattern == nullptr && to.size() == before) {
    return Error{Errc::data, fmt::format("{}: no member of the archive can be read; {}", shown_path, listed(archive)), ""};
  }
  return {};
}

/// An input that names members: the archives, which may be a glob, and the pattern of the members.
struct Members {
  std::vector<std::string> archives;
  std::string pattern;
};

std::optional<Members> members_named(const std::string& input) {
  std::error_code failed;
  std::size_t at = input.find('!');
  if (at == std::string::npos || std::filesystem::exists(std::filesystem::symlink_status(input, failed))) return std::nullopt;
  for (; at != std::string::npos; at = input.find('!', at + 1)) {
    const std::string path = input.substr(0, at);
    if (is_file(path)) return Members{{path}, input.substr(at + 1)};
    if (path.find_first_of("*?[") == std::string::npos) continue;
    auto found = expand_glob(path);
    if (!found) continue;
    std::erase_if(*found, [](const std::string& file) { return !is_zip(file); });
    if (!found->empty()) return Members{std::move(*found), input.substr(at + 1)};
  }
  return std::nullopt;
}

/// The text at the start of a member, and whether it is one of the kinds that are read at all.
struct Look {
  std::string head;
  bool readable = false;
};

Result<Look> look_at(const std::string& path, Archives& archives, const Cancelled& cancelled) {
  const auto parts = member_path(path);
  if (parts) {
    const auto archive = archives.open(parts->archive);
    if (!archive) return archive.error();
    if (const ZipMember* member = (*archive)->find(parts->member)) {
      auto raw = (*archive)->read(*member, in_line(path, 1000));
      if (!raw) return raw.error();
      PeekSource bytes(std::move(*raw));
      const auto start = bytes.peek(kSniffSize);
      if (!start) return start.error();
      if (!sniff_compression(path, *start)) return Look();  // an archive inside of the archive, for one
    }
  }
  auto input = open_input(path, cancelled, &archives);
  if (!input) return input.error();
  PeekSource bytes(std::move(input->bytes));
  const auto head = bytes.peek(kHead);
  if (!head) return head.error();
  return Look{std::string(*head), true};
}

class Recognition {
 public:
  Recognition(const TranslateOptions& options, std::vector<const AdapterInfo*> adapters)
      : options_(options), adapters_(std::move(adapters)), decided_(!options.adapter.empty()) {}

  [[nodiscard]] bool decided() const { return decided_; }
  [[nodiscard]] const std::string& adapter() const { return adapters_.front()->id; }

  Result<void> take(const std::string& path, const std::string& head) {
    if (decided_ && says_nothing_of(head)) return {};
    const auto chosen = choose_adapter(adapters_, head, path, options_.settings);
    if (!chosen) return chosen.error();
    adapters_ = {*chosen};
    decided_ = true;
    return {};
  }

 private:
  /// An adapter that says nothing of what its inputs look like takes every text in a framing of its own.
  bool says_nothing_of(const std::string& head) const {
    const AdapterInfo& info = *adapters_.front();
    const Framing framing = framing_of(head);
    const bool says = std::any_of(info.identify.begin(), info.identify.end(),
                                  [&](const IdentifyRule& rule) { return rule.framing == framing; });
    const bool speaks = std::find(info.framings.begin(), info.framings.end(), framing) != info.framings.end();
    const LooksLike look = looks_like(head);
    return !says && speaks && (!look || look.kind == LooksLike::Kind::json);
  }

  const TranslateOptions& options_;
  std::vector<const AdapterInfo*> adapters_;
  bool decided_;
};

Error none_left(const std::string& archive, const NameLine& skipped, const std::string& adapter,
                const std::optional<Error>& why) {
  const std::string who = adapter.empty() ? "an adapter recognises" : adapter + " recognises";
  if (skipped.count() == 1 && why) return *why;
  return {Errc::usage,
          fmt::format("{}: there is no member that {}; it has {}{}", in_line(archive, 1000), who, skipped.text(),
                      why ? "\n  " + why->message : std::string()),
          "name the members that are to be read whatever they look like: --adapter ID 'FILE.zip!*.csv'"};
}

}  // namespace

Result<std::vector<InputPath>> expand_input(const std::string& input, Archives& archives, std::vector<std::string>& notes) {
  std::vector<InputPath> paths;
  if (const auto members = members_named(input)) {
    const bool whole = members->pattern.empty();
    for (const std::string& archive : members->archives) {
      if (auto ok = add_members(archive, whole ? nullptr : &members->pattern, archives, paths, notes); !ok) return ok.error();
    }
    if (!paths.empty()) return paths;
    const auto first = archives.open(members->archives.front());
    return no_match(input, first ? listed(**first) : "");
  }
  auto files = expand_glob(input);
  if (!files) return files.error();
  for (std::string& file : *files) {
    if (!is_zip(file)) {
      paths.push_back({std::move(file)});
    } else if (auto ok = add_members(file, nullptr, archives, paths, notes); !ok) {
      return ok.error();
    }
  }
  return paths;
}

Result<void> leave_recognised(const TranslateOptions& options, AdapterCatalog& catalog, std::vector<InputPath>& paths,
                              Archives& archives, const Cancelled& cancelled, std::vector<std::string>& notes) {
  const auto whole = [](const InputPath& path) { return path.of_whole_archive; };
  if (std::none_of(paths.begin(), paths.end(), whole)) return {};
  std::shared_ptr<const Adapter> set;
  if (!options.adapter.empty()) {
    auto loaded = catalog.load(options.adapter);
    if (!loaded) return loaded.error();
    set = std::move(*loaded);
  }
  Recognition recognition(options, set ? std::vector{&set->info()} : catalog.adapters());
  std::vector<InputPath> left;
  for (auto at = paths.begin(); at != paths.end();) {
    if (!at->of_whole_archive) {
      if (!recognition.decided()) {
        if (!is_file(file_of(at->path))) {
          return Error{Errc::usage,
                       "of an archive's members those are read that the adapter recognises; here a pipe would say which "
                       "adapter it is, and cannot be looked at first",
                       "say which one with --adapter ID"};
        }
        const auto look = look_at(at->path, archives, cancelled);
        if (!look) return look.error();
        if (!look->readable || !all_blank(look->head)) {
          if (auto taken = recognition.take(at->path, look->head); !taken) return taken;
        }
      }
      left.push_back(std::move(*at++));
      continue;
    }
    // The members of one archive stand together.
    const std::string archive = file_of(at->path);
    const std::size_t before = left.size();
    NameLine skipped;
    std::optional<Error> why;
    for (; at != paths.end() && at->of_whole_archive && at->path.starts_with(archive + "!"); ++at) {
      if (cancelled && cancelled()) return Error{Errc::io, "interrupted before anything was translated", ""};
      const auto look = look_at(at->path, archives, cancelled);
      if (!look) return look.error();
      if (look->readable) {
        const auto taken = recognition.take(at->path, look->head);
        if (taken) {
          left.push_back(std::move(*at));
          continue;
        }
        if (!why && !looks_like(look->head)) why = taken.error();  // what is no table or text needs no reason
      }
      skipped.add(std::string_view(at->path).substr(archive.size() + 1));
    }
    const std::string adapter = recognition.decided() ? recognition.adapter() : "";
    if (left.size() == before) return none_left(archive, skipped, adapter, why);
    if (skipped.count() == 0) continue;
    notes.push_back(fmt::format("{}: {} not read, since {} does not recognise {}: {}", in_line(archive, 1000),
                                skipped.count() == 1 ? "a member is" : grouped(skipped.count()) + " members are", adapter,
                                skipped.count() == 1 ? "it" : "them", skipped.text()));
  }
  paths = std::move(left);
  return {};
}

}  // namespace crosswalk
