#include "job/origin.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "encode/json_text.hpp"
#include "io/input.hpp"
#include "pipeline/members.hpp"
#include "text.hpp"

namespace crosswalk {

Result<std::string> origin_of(const Job& job) {
  std::ifstream file(job.path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const Hash128 hash = hash128(text);
  std::string out = fmt::format("{{\"job\":\"{:016x}{:016x}\",\"inputs\":[", hash.high, hash.low);
  const auto add = [&out](const std::string& path) {
    struct stat status {};
    const bool there = path != "-" && ::stat(path.c_str(), &status) == 0;
    Buffer name;
    add_json_string(name, shown(path, 4096));
    out += fmt::format("{}[{},{},{}]", out.back() == '[' ? "" : ",", name.view(), there ? status.st_size : -1,
                       there ? status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec : 0);
  };
  Archives archives;
  std::vector<std::string> notes;  // the run says them
  for (const JobSource& source : job.sources) {
    for (const std::string& pattern : source.inputs) {
      auto paths = expand_input(pattern, archives, notes);
      if (!paths) return paths.error();
      std::string last;
      for (const InputPath& input : *paths) {
        std::string on_disk = file_of(input.path);  // which of its members are read follows from it and the job
        if (on_disk != last) add(on_disk);
        last = std::move(on_disk);
      }
    }
  }
  for (const IdRule* rule : {&job.agents, &job.queues, &job.customers}) {
    if (!rule->file.empty()) add(file_of(rule->file));
  }
  return out + "]}";
}

}  // namespace crosswalk
