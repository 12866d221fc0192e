// Adapters written in C++ that throw: the boundary turns it into words.
#include <stdexcept>

#include "crosswalk/plugin.hpp"

namespace {
namespace cp = crosswalk::plugin;

#if defined(BAD_THROWS_IN_BIND)
class Bad final : public cp::Translator {
 public:
  explicit Bad(cp::Setup&) {}
  void bind(std::uint16_t, cp::Names, cp::Binder&) override { throw std::runtime_error("thrown in bind"); }
};
#define BAD_ID "bad-throws-in-bind"
#elif defined(BAD_THROWS_IN_OPEN)
class Bad final : public cp::Translator {
 public:
  explicit Bad(cp::Setup&) { throw 42; }
  void bind(std::uint16_t, cp::Names, cp::Binder&) override {}
};
#define BAD_ID "bad-throws-in-open"
#else
class Bad final : public cp::Translator {
 public:
  explicit Bad(cp::Setup&) {}
  void bind(std::uint16_t, cp::Names, cp::Binder&) override {}
  void translate(const cw_record&, cp::Receiver&) override { throw std::runtime_error("thrown in translate"); }
};
#define BAD_ID "bad-throws-in-translate"
#endif

}  // namespace

CROSSWALK_ADAPTER(Bad, R"({"id":")" BAD_ID
                       R"(","version":"1","abi":1,"summary":"bad on purpose","framings":["csv"],"records":"conversations"})")
