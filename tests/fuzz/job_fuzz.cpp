// Fuzz entry for job files. Whatever the text is, reading it must give a job that is whole, or an error that names the
// file and a cure.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "merge/id_template.hpp"
#include "job/job_file.hpp"

namespace {

using namespace crosswalk;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "job_fuzz: %s\n", what);
  std::abort();
}

void require_whole(const Job& job) {
  require(!job.sources.empty() && !job.sinks.empty(), "a job has sources and sinks");
  require(job.several.size() == job.sources.size(), "a mark for each source");
  require(job.external_id.empty() || IdTemplate::parse(job.external_id).ok(), "the template is one");
  bool enriched = false;
  for (const JobSource& source : job.sources) {
    require(!source.name.empty() && !source.inputs.empty() && source.line > 0, "a source has a name, inputs and a line");
    enriched = enriched || source.enrich;
  }
  for (const auto& [field, sources] : job.priorities) {
    for (const std::size_t source : sources) require(source < job.sources.size(), "a priority names a source");
  }
  for (const LinkRule& link : job.links) {
    for (const LinkField& end : {link.left, link.right}) {
      require(end.source < job.sources.size(), "a link names a source");
      require((end.target == Target::none) != end.metadata_key.empty(), "a link names a field or a metadata key");
    }
  }
  for (const JobSink& sink : job.sinks) {
    require(!sink.path.empty(), "a sink has a path");
    require(sink.type == JobSink::Type::sqlite || !enriched || !sink.updates.empty(), "updates have a place");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto job = parse_job(text, "jobs/fuzz.toml");
  if (job) {
    require_whole(*job);
  } else {
    require(job.error().code == Errc::usage && job.error().message.starts_with("jobs/fuzz.toml:"), "an error names the file");
    require(job.error().text().find("\n  ") != std::string::npos, "an error has a cure");
  }
  return 0;
}
