// C++ comfort over plugin.h, header only. An adapter is a class:
//
//   class Acme final : public crosswalk::plugin::Translator {
//    public:
//     explicit Acme(crosswalk::plugin::Setup& setup);
//     void bind(std::uint16_t first, Names names, crosswalk::plugin::Binder& binder) override;
//   };
//   CROSSWALK_ADAPTER(Acme, R"({ "id": "acme", … })")
//
// Every callback is noexcept at the boundary: what an adapter throws becomes a refusal that the host can show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "crosswalk/plugin.h"

namespace crosswalk::plugin {

[[nodiscard]] inline std::string_view view(cw_text t) { return {t.data, t.size}; }
[[nodiscard]] inline std::string_view view(const cw_field& f) { return {f.text, f.size}; }
[[nodiscard]] inline cw_text text(std::string_view s) { return {s.data(), s.size()}; }

/// Throw it from a constructor or from bind(): the host shows the message and the cure and reads nothing.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, std::string cure = {}) : std::runtime_error(message), cure_(std::move(cure)) {}
  [[nodiscard]] const std::string& cure() const { return cure_; }

 private:
  std::string cure_;
};

/// ASCII blanks and the no-break space (U+00A0) off both ends, upper case to lower: how header names are compared.
[[nodiscard]] inline std::string folded(std::string_view name) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  for (bool again = true; again;) {
    again = false;
    if (!name.empty() && blank(name.front())) {
      name.remove_prefix(1);
      again = true;
    }
    if (!name.empty() && blank(name.back())) {
      name.remove_suffix(1);
      again = true;
    }
    if (name.starts_with("\xC2\xA0")) {
      name.remove_prefix(2);
      again = true;
    }
    if (name.ends_with("\xC2\xA0")) {
      name.remove_suffix(2);
      again = true;
    }
  }
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

class Setup {
 public:
  explicit Setup(const cw_setup& setup) : c_(setup) {}
  [[nodiscard]] std::string_view setting(std::string_view name) const { return view(c_.setting(c_.ctx, text(name))); }
  [[nodiscard]] bool flag(std::string_view name) const { return setting(name) == "true"; }
  void word(cw_target target, std::string_view from, std::string_view to) { c_.word(c_.ctx, target, text(from), text(to)); }
  void others(cw_target target, cw_others others) { c_.others(c_.ctx, target, others); }
  void absent(cw_target target, std::string_view value) { c_.absent(c_.ctx, target, text(value)); }

 private:
  const cw_setup& c_;
};

class Binder {
 public:
  explicit Binder(const cw_binder& binder) : c_(binder) {}
  void map(std::uint16_t field, cw_target target, cw_how how = CW_DEFAULT, std::uint32_t rank = 0) {
    c_.map(c_.ctx, field, target, how, rank);
  }
  void carry(std::uint16_t field, std::string_view name, cw_form form = CW_AS_IS) { c_.carry(c_.ctx, field, text(name), form); }
  void drop(std::uint16_t field, std::string_view rule) { c_.drop(c_.ctx, field, text(rule)); }
  void body(std::uint16_t field, std::string_view name) { c_.body(c_.ctx, field, text(name)); }
  void claim(std::uint16_t field) { c_.claim(c_.ctx, field); }
  /// Claimed, and read by translate() in every record that has it: without more being said of it, it was used.
  void steers(std::uint16_t field) {
    claim(field);
    c_.map(c_.ctx, field, CW_STEERS, CW_DEFAULT, 0);
  }

 private:
  const cw_binder& c_;
};

class Receiver {
 public:
  explicit Receiver(const cw_receiver& receiver) : c_(receiver) {}
  bool set(cw_target target, const cw_field& value, cw_how how = CW_DEFAULT, std::uint32_t rank = 0) {
    return c_.set(c_.ctx, target, how, rank, &value);
  }
  bool set(cw_target target, std::string_view value, cw_how how = CW_DEFAULT, std::uint32_t rank = 0) {
    const cw_field field = made(value, CW_STRING);
    return c_.set(c_.ctx, target, how, rank, &field);
  }
  bool touchpoint(const cw_touchpoint& t) { return c_.touchpoint(c_.ctx, &t); }
  bool carry(std::string_view name, const cw_field& value, cw_form form = CW_AS_IS) {
    return c_.carry(c_.ctx, text(name), &value, form);
  }
  bool drop(const cw_field& value, std::string_view rule) { return c_.drop(c_.ctx, &value, text(rule)); }
  bool filter(std::string_view rule) { return c_.filter(c_.ctx, text(rule)); }
  bool refuse(std::string_view code, std::string_view field, std::string_view found, std::string_view message,
              std::string_view cure) {
    const cw_refusal refusal{sizeof(cw_refusal), text(code), text(field), text(found), text(message), text(cure)};
    return c_.refuse(c_.ctx, &refusal);
  }
  /// A host that does not know it yet shows nothing.
  bool remark(std::string_view code, std::string_view field, std::string_view found, std::string_view message,
              std::string_view cure) {
    if (c_.size < offsetof(cw_receiver, remark) + sizeof(c_.remark)) return true;
    const cw_refusal remark{sizeof(cw_refusal), text(code), text(field), text(found), text(message), text(cure)};
    return c_.remark(c_.ctx, &remark);
  }
  /// Element: callable as bool(const cw_record&); false stops.
  template <class Element>
  bool walk(const cw_field& array, std::string_view prefix, Element&& element) {
    struct State {
      Element& element;
      std::exception_ptr thrown;
    } state{element, nullptr};
    const bool walked = c_.walk(
        c_.ctx, &array, text(prefix),
        [](void* ctx, const cw_record* record) noexcept -> bool {
          auto& s = *static_cast<State*>(ctx);
          try {
            return s.element(*record);
          } catch (...) {
            s.thrown = std::current_exception();
            return false;
          }
        },
        &state);
    if (state.thrown) std::rethrow_exception(state.thrown);
    return walked;
  }
  [[nodiscard]] static cw_field made(std::string_view value, cw_kind kind) {
    return {value.data(), static_cast<std::uint32_t>(value.size()), 0, static_cast<std::uint8_t>(kind), CW_MADE};
  }

 private:
  const cw_receiver& c_;
};

using Names = std::span<const cw_text>;

/// Base of every adapter written in C++. One object per worker; see the thread rules of plugin.h.
class Translator {
 public:
  virtual ~Translator() = default;
  virtual void bind(std::uint16_t first, Names names, Binder& binder) = 0;
  virtual void translate(const cw_record&, Receiver&) {}
};

namespace detail {

template <class T>
concept Translates = requires(T t, const cw_record& r, Receiver& x) {
  t.T::translate(r, x);
}
&&!std::is_same_v<decltype(&T::translate), decltype(&Translator::translate)>;

template <class T>
cw_translator* open(const cw_setup* c) noexcept {
  const auto fail = [c](std::string_view message, std::string_view cure) { c->fail(c->ctx, text(message), text(cure)); };
  try {
    Setup setup(*c);
    return reinterpret_cast<cw_translator*>(static_cast<Translator*>(new T(setup)));
  } catch (const Failure& e) { fail(e.what(), e.cure()); } catch (const std::exception& e) {
    fail(e.what(), "");
  } catch (...) { fail("the adapter threw something that is not an exception", ""); }
  return nullptr;
}

inline Translator& self(cw_translator* t) { return *reinterpret_cast<Translator*>(t); }

inline void close(cw_translator* t) noexcept { delete reinterpret_cast<Translator*>(t); }

inline void bind(cw_translator* t, std::uint16_t first, const cw_text* names, std::size_t count, const cw_binder* c) noexcept {
  const auto fail = [c](std::string_view message, std::string_view cure) { c->fail(c->ctx, text(message), text(cure)); };
  try {
    Binder binder(*c);
    self(t).bind(first, Names(names, count), binder);
  } catch (const Failure& e) { fail(e.what(), e.cure()); } catch (const std::exception& e) {
    fail(e.what(), "");
  } catch (...) { fail("the adapter threw something that is not an exception", ""); }
}

inline void translate(cw_translator* t, const cw_record* record, const cw_receiver* c) noexcept {
  Receiver receiver(*c);
  try {
    self(t).translate(*record, receiver);
  } catch (const std::bad_alloc&) {
    receiver.refuse(CW_OUT_OF_MEMORY, "", "", "the adapter had no memory for this record", "give it more");
  } catch (const std::exception& e) {
    receiver.refuse("adapter_failed", "", "", e.what(), "report it to the adapter's author, with this record");
  } catch (...) {
    receiver.refuse("adapter_failed", "", "", "the adapter threw something that is not an exception",
                    "report it to the adapter's author, with this record");
  }
}

}  // namespace detail

/// The exported symbol for a class. translate stays NULL unless the class has one of its own.
template <class T>
constexpr cw_adapter adapter_of(const char* manifest) {
  return {CW_ABI_MAJOR,
          sizeof(cw_adapter),
          manifest,
          &detail::open<T>,
          &detail::close,
          &detail::bind,
          detail::Translates<T> ? &detail::translate : nullptr};
}

}  // namespace crosswalk::plugin

/// Once per library, at namespace scope. The manifest is a string literal.
#define CROSSWALK_ADAPTER(Type, Manifest)                                      \
  static constexpr char crosswalk_manifest_text[] = CW_MANIFEST_MARK Manifest; \
  extern "C" CW_EXPORT const cw_adapter crosswalk_adapter;                     \
  extern "C" CW_EXPORT constexpr cw_adapter crosswalk_adapter =                \
      ::crosswalk::plugin::adapter_of<Type>(crosswalk_manifest_text + sizeof(CW_MANIFEST_MARK) - 1);
