#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "imaging/feature/release_rules.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// A list of the file. One that is not there keeps what was there.
Status read_list(const XmlDocument& document, std::string_view name, std::string_view item,
                 std::vector<std::string>& words) {
  const XmlElement* list = find_child(document.root, name);
  if (list == nullptr) return {};
  FL_CHECK(check_known(document, *list, {}, {item}));
  words.clear();
  for (const XmlElement& child : list->children) {
    const std::string_view word = trimmed(child.text);
    if (word.empty()) return document.error(errc::xml_value, child.offset, fmt::format("<{}> is empty", item));
    words.emplace_back(word);
  }
  return {};
}

}  // namespace

const ReleaseLists& shipped_release_lists() {
  static const ReleaseLists lists{
      .developer_features = {"IOT_TOOLKIT", "IOT_SIREP", "IOT_CORTANA", "IOT_SSH", "IOT_WEBB_EXTN", "IOT_NANORDPSERVER",
                             "IOT_CORTANA_OBSCURELAUNCH", "IOT_BERTHA", "IOT_UAP_DEFAULTAPP", "IOT_FTSER2K_MAKERDRIVER",
                             "IOT_CP210x_MAKERDRIVER", "IOT_DMAP_DRIVER", "IOT_CONTAINERS"},
      .deprecated_features = {"IOT_NETCMD", "IOT_DISABLE_UMCI", "IOT_HWN_CLASS_EXTENSION", "IOT_SPEECHDATA_EN_US"},
      .cross_certificate_cas = {"Certum Trusted Network CA",
                                "DigiCert Assured ID Root CA",
                                "DigiCert Global Root CA",
                                "DigiCert High Assurance EV Root CA",
                                "Entrust.net Certification Authority (2048)",
                                "Entrust Root Certification Authority - G2",
                                "GeoTrust Primary Certification Authority",
                                "GeoTrust Primary Certification Authority - G3",
                                "GlobalSign Root CA",
                                "Go Daddy Root Certificate Authority - G2",
                                "NetLock Arany (Class Gold)",
                                "NetLock Platina (Class Platinum)",
                                "Security Communication RootCA1",
                                "Starfield Root Certificate Authority - G2",
                                "StartCom Certification Authority",
                                "TC TrustCenter Class 2 CA II",
                                "Thawte Primary Root CA",
                                "Thawte Primary Root CA - G3",
                                "VeriSign Class 3 Public Primary Certification Authority - G5",
                                "VeriSign Universal Root Certification Authority",
                                "AddTrust External CA Root",
                                "GoDaddy Class 2 Certification Authority",
                                "Starfield Class 2 Certification Authority",
                                "UTN-USERFirst-Object"}};
  return lists;
}

Result<ReleaseLists> read_release_lists(const XmlDocument& document) {
  if (!same_word(local_name(document.root.name), "IoTEnvironment")) {
    return document.error(errc::feature_document, document.root.offset,
                          fmt::format("<{}> is not <IoTEnvironment>", document.root.name));
  }
  ReleaseLists lists = shipped_release_lists();
  FL_CHECK(read_list(document, "DevFeatureIDs", "DevFeatureID", lists.developer_features));
  FL_CHECK(read_list(document, "DeprecatedIDs", "DeprecatedID", lists.deprecated_features));
  FL_CHECK(read_list(document, "CrossCertCAs", "CrossCertCA", lists.cross_certificate_cas));
  return lists;
}

}  // namespace flashline::imaging
