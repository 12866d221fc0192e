// Result<T>: a value or one Error. Core returns it wherever a run cannot go on; a bad record is data and never one.
//
// Nothing in core prints, exits, aborts on input or throws across its public functions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace crosswalk {

/// What kind of trouble ended the run. The program maps `usage` to exit code 2, `unavailable` to 4 and all others to 1.
enum class Errc : std::uint8_t {
  usage,        ///< an option, a setting or a job is wrong; nothing was read
  io,           ///< a file, pipe or disk failed
  closed,       ///< whoever read our output went away (EPIPE)
  data,         ///< an input as a whole cannot be read (not one record of it)
  adapter,      ///< an adapter was refused or broke its contract
  memory,       ///< memory was refused
  internal,     ///< our own books do not balance
  unavailable,  ///< the network, a server or a journal in use: the same run may do later
};

/// One trouble, written for the person who must fix it.
struct Error {
  Errc code = Errc::internal;
  std::string message;  ///< what was found, where, and why it is wrong
  std::string cure;     ///< what to do about it; may be empty

  [[nodiscard]] std::string text() const { return cure.empty() ? message : message + "\n  " + cure; }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(*-explicit-*)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// The value; only when ok().
  [[nodiscard]] T& operator*() & { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& operator*() const& { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  [[nodiscard]] T* operator->() { return std::get_if<0>(&state_); }
  [[nodiscard]] const T* operator->() const { return std::get_if<0>(&state_); }

  /// The error; only when not ok().
  [[nodiscard]] const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(*-explicit-*)
  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace crosswalk
