#include "delivery/secret.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/vfs.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "text.hpp"

namespace crosswalk::delivery {
namespace {

constexpr std::size_t kLongest = 8192;
constexpr std::string_view kRemoved = "[secret]";
constexpr std::size_t kTelling = 6;  ///< shorter beginnings of a secret tell nothing

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kDigits[three >> (18 - 6 * k) & 63];
  }
  return out;
}

std::string url_encoded(std::string_view text, bool upper) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
                       c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format(fmt::runtime(upper ? "%{:02X}" : "%{:02x}"), static_cast<unsigned char>(c));
  }
  return out;
}

/// A key that others on this machine can read is theirs as well. Secrets that are mounted (tmpfs) have the rights that whoever
/// mounted them gave, and only this container sees them; another user's file is another user's matter.
Result<void> check_rights(const std::string& path, const std::string& named) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};  // reading it says why
  const bool read = (status.st_mode & (S_IRGRP | S_IROTH)) != 0, written = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if (status.st_uid != ::geteuid() || (!read && !written)) return {};
#if defined(__linux__)
  constexpr long kTmpfs = 0x01021994, kRamfs = 0x858458F6;
  struct statfs system {};
  if (::statfs(path.c_str(), &system) == 0) {
    const auto type = static_cast<long>(static_cast<std::uint32_t>(system.f_type));
    if (type == kTmpfs || type == kRamfs) return {};
  }
#endif
  return Error{Errc::usage,
               fmt::format("{} can be {} by others (mode {:04o})", named, read ? "read" : "written", status.st_mode & 07777),
               fmt::format("chmod 600 {}", path)};
}

}  // namespace

Result<std::string> read_secret(const SecretPlace& place, std::string_view what) {
  std::string secret;
  std::string where;
  if (!place.env.empty()) {
    where = fmt::format("the environment variable {}", place.env);
    const char* const value = std::getenv(place.env.c_str());
    if (value == nullptr) {
      return Error{Errc::usage, fmt::format("{}: {} is not set", what, where),
                   fmt::format("export {}=… before the run", place.env)};
    }
    secret = value;
  } else {
    where = fmt::format("the file {}", place.file);
    if (auto ok = check_rights(place.file, fmt::format("{}: {}", what, where)); !ok) return ok.error();
    std::error_code failed;
    if (std::filesystem::is_directory(place.file, failed)) {
      return Error{Errc::usage, fmt::format("{}: {} is a folder", what, where), "name the file in it that holds the key"};
    }
    std::ifstream file(place.file, std::ios::binary);
    if (!file) {
      return Error{Errc::usage, fmt::format("{}: {} cannot be read: {}", what, where, std::strerror(errno)),
                   "the file holds the key and nothing else"};
    }
    secret.resize(kLongest + 1);
    file.read(secret.data(), static_cast<std::streamsize>(secret.size()));
    secret.resize(static_cast<std::size_t>(file.gcount()));
  }
  secret = std::string(trimmed(secret));
  if (secret.empty())
    return Error{Errc::usage, fmt::format("{}: {} is empty", what, where), "put the key there, and nothing else"};
  const bool clean =
      secret.size() <= kLongest && std::all_of(secret.begin(), secret.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (!clean) {
    return Error{Errc::usage, fmt::format("{}: what {} holds cannot be a key", what, where),
                 "put the key there, on one line, and nothing else"};
  }
  return secret;
}

void Redactor::add(std::string_view secret) {
  if (secret.size() < 4) return;  // would take out what is no secret
  for (std::string shape : {std::string(secret), base64(secret), base64(std::string(secret) + ":"), url_encoded(secret, true),
                            url_encoded(secret, false)}) {
    while (shape.ends_with('=')) shape.pop_back();
    shapes_.push_back(shape);
    if (shape.find_first_of("+/") == std::string::npos) continue;
    // The other alphabet of base64, and the slash as some write it in JSON.
    std::string safe, json;
    for (const char c : shape) {
      safe += c == '+' ? '-' : c == '/' ? '_' : c;
      if (c == '/') json += '\\';
      json += c;
    }
    shapes_.push_back(std::move(safe));
    shapes_.push_back(std::move(json));
  }
  std::sort(shapes_.begin(), shapes_.end(), [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string Redactor::operator()(std::string text) const {
  for (const std::string& shape : shapes_) {
    for (std::size_t at = text.find(shape); at != std::string::npos; at = text.find(shape, at + kRemoved.size())) {
      text.replace(at, shape.size(), kRemoved);
    }
  }
  std::size_t cut = 0;
  for (const std::string& shape : shapes_) {
    for (std::size_t n = std::min(shape.size() - 1, text.size()); n >= kTelling && n > cut; --n) {
      if (std::string_view(text).ends_with(std::string_view(shape).substr(0, n))) cut = n;
    }
  }
  if (cut != 0) text.replace(text.size() - cut, cut, kRemoved);
  return text;
}

Result<std::string> fingerprint(std::string_view url, const std::vector<std::string>& secrets) {
  std::string all = "crosswalk delivery account 1";
  all.append(1, '\0').append(url);
  for (const std::string& secret : secrets) all.append(1, '\0').append(secret);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(all.data(), all.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    return Error{Errc::io, "libcrypto does not give SHA-256", "see how OpenSSL is set up on this machine"};
  }
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

}  // namespace crosswalk::delivery
