#pragma once
// One Partition element of a layout.

#include <cstdint>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/layout/device_layout.h"

namespace flashline::imaging {

/// What partitions take over from their layout.
struct PartitionDefaults {
  std::uint32_t sector_size = 512;
  std::uint64_t alignment = 65536;  ///< bytes
};

/// Reads `element` and checks it as far as it can be judged alone. Errors: those of parse_device_layout.
Result<LayoutPartition> read_partition(const XmlDocument& document, const XmlElement& element,
                                       const PartitionDefaults& defaults);

/// A power of two, in bytes, that is whole sectors. Errors: layout_alignment, at the child `name`.
class ElementFields;
Status check_alignment(const ElementFields& fields, std::string_view name, std::uint64_t bytes,
                       std::uint32_t sector_size);

}  // namespace flashline::imaging
