#pragma once
// Object identifiers of catalogs (ffu-format.md section 6) and of Authenticode ("Windows Authenticode Portable
// Executable Signature Format", Microsoft).

#include <string_view>

namespace flashline::imaging::oid {

inline constexpr std::string_view signed_data = "1.2.840.113549.1.7.2";
inline constexpr std::string_view ctl = "1.3.6.1.4.1.311.10.1";
inline constexpr std::string_view catalog_list = "1.3.6.1.4.1.311.12.1.1";
inline constexpr std::string_view catalog_list_member = "1.3.6.1.4.1.311.12.1.2";
inline constexpr std::string_view catalog_list_member_v2 = "1.3.6.1.4.1.311.12.1.3";
inline constexpr std::string_view member_info = "1.3.6.1.4.1.311.12.2.2";
inline constexpr std::string_view indirect_data = "1.3.6.1.4.1.311.2.1.4";
inline constexpr std::string_view link = "1.3.6.1.4.1.311.2.1.25";
inline constexpr std::string_view opus_info = "1.3.6.1.4.1.311.2.1.12";
inline constexpr std::string_view pe_image_data = "1.3.6.1.4.1.311.2.1.15";
inline constexpr std::string_view time_stamp_token = "1.3.6.1.4.1.311.3.3.1";
inline constexpr std::string_view content_type = "1.2.840.113549.1.9.3";
inline constexpr std::string_view message_digest = "1.2.840.113549.1.9.4";
inline constexpr std::string_view signing_time = "1.2.840.113549.1.9.5";
inline constexpr std::string_view sha1 = "1.3.14.3.2.26";
inline constexpr std::string_view sha256 = "2.16.840.1.101.3.4.2.1";
inline constexpr std::string_view rsa_encryption = "1.2.840.113549.1.1.1";
inline constexpr std::string_view sha256_with_rsa = "1.2.840.113549.1.1.11";

}  // namespace flashline::imaging::oid
