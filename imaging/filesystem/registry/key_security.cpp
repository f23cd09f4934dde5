#include "imaging/filesystem/registry/key_security.h"

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace flashline::imaging {
namespace {

// Source: "Windows data types", MS-DTYP 2.4: SIDs, ACEs and self-relative security descriptors.
constexpr std::uint32_t key_all_access = 0xF003F, key_read = 0x20019;
constexpr std::uint8_t container_inherit = 2;
constexpr std::uint16_t dacl_present = 0x0004, self_relative = 0x8000;
constexpr std::size_t header_size = 20, ace_header_size = 8, acl_header_size = 8;

/// Sub-authorities below S-1-5.
constexpr std::array<std::uint32_t, 1> local_system{18};
constexpr std::array<std::uint32_t, 2> administrators{32, 544};
constexpr std::array<std::uint32_t, 2> users{32, 545};

class Bytes {
 public:
  void put8(std::uint32_t value) { bytes_.push_back(static_cast<std::byte>(value & 0xFFU)); }
  void put16(std::size_t value) { put8(value & 0xFFU), put8(value >> 8U & 0xFFU); }
  void put32(std::size_t value) { put16(value & 0xFFFFU), put16(value >> 16U); }

  void sid(std::span<const std::uint32_t> authorities) {
    put8(1);
    put8(static_cast<std::uint32_t>(authorities.size()));
    for (const std::uint32_t byte : {0U, 0U, 0U, 0U, 0U, 5U}) put8(byte);  // NT AUTHORITY, big-endian
    for (const std::uint32_t authority : authorities) put32(authority);
  }
  void allow(std::uint32_t access, std::span<const std::uint32_t> who) {
    put8(0);  // ACCESS_ALLOWED_ACE
    put8(container_inherit);
    put16(ace_header_size + sid_size(who));
    put32(access);
    sid(who);
  }
  static std::size_t sid_size(std::span<const std::uint32_t> who) { return 8 + 4 * who.size(); }

  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

std::vector<std::byte> key_security(KeyReaders readers) {
  const bool users_too = readers == KeyReaders::everybody;
  const std::size_t acl_size = acl_header_size + (users_too ? 3 : 2) * ace_header_size + Bytes::sid_size(local_system) +
                               Bytes::sid_size(administrators) + (users_too ? Bytes::sid_size(users) : 0);
  const std::size_t owner = header_size + acl_size;
  Bytes out;
  out.put16(1);
  out.put16(self_relative | dacl_present);
  out.put32(owner);
  out.put32(owner + Bytes::sid_size(administrators));
  out.put32(0);  // no SACL
  out.put32(header_size);
  out.put16(2);  // ACL revision
  out.put16(acl_size);
  out.put32(users_too ? 3 : 2);
  out.allow(key_all_access, local_system);
  out.allow(key_all_access, administrators);
  if (users_too) out.allow(key_read, users);
  out.sid(administrators);
  out.sid(administrators);
  return out.take();
}

}  // namespace flashline::imaging
