#include "imaging/core/errors/config.h"
#include "tests/station-config/mistakes.h"

namespace flashline::config {

using enum Schema;

const std::vector<Mistake>& board_mistakes() {
  static const std::vector<Mistake> rows{
      {"unknown_element", "<power cycle", "<pwoer cycle", errc::config_unknown_element, "17:4", refuses,
       "did you mean 'power'?"},
      {"unknown_attribute", "off=\"1500ms\"", "of=\"1500ms\"", errc::config_unknown_attribute, "17:23", refuses,
       "did you mean 'off'?"},
      {"no_title", " title=\"Panel, second edition\"", "", errc::config_missing_attribute, "3:2"},
      {"no_protocol", " protocol=\"fastboot\"", "", errc::config_missing_attribute, "11:4"},
      {"no_product", "vendor=\"0a5c\" product=\"2711\"", "vendor=\"0a5c\"", errc::config_missing_attribute, "7:6"},
      {"no_path", " path=\"bootfiles.bin\"", "", errc::config_missing_attribute, "9:6"},
      {"two_storages", "<defaults verify", "<storage/><defaults verify", errc::config_repeated_element, "16:4",
       cannot_say},
      {"name_slash", "name=\"Panel-2\"", "name=\"a/b\"", errc::config_name, "3:8"},
      {"title_lines", "title=\"Panel, second edition\"", "title=\"a&#10;b\"", errc::config_title, "3:23"},
      {"platform_blank", "id=\"Contoso.Panel.2\"", "id=\" \"", errc::config_title, "4:13"},
      {"stage_name", "name=\"gadget\"", "name=\"the gadget\"", errc::config_name, "11:10"},
      {"same_stage", "name=\"gadget\"", "name=\"boot-rom\"", errc::config_board_stage, "11:4"},
      {"protocol_word", "protocol=\"fastboot\"", "protocol=\"fast-boot\"", errc::config_choice, "11:24", refuses,
       "did you mean 'fastboot'?"},
      {"timeout_unit", "timeout=\"90s\"", "timeout=\"90\"", errc::config_duration, "6:45"},
      {"gap_long", "gap=\"5s\"", "gap=\"3601s\"", errc::config_duration, "6:59", cannot_say},
      {"vendor_short", "vendor=\"0a5c\"", "vendor=\"a5c\"", errc::config_usb_id, "7:10", refuses,
       "is not four hex digits"},
      {"vendor_prefixed", "vendor=\"0a5c\"", "vendor=\"0x0a5c\"", errc::config_usb_id, "7:10"},
      {"product_letter", "product=\"2711\"", "product=\"271g\"", errc::config_usb_id, "7:24"},
      {"file_use", "use=\"bundle\"", "use=\"bundel\"", errc::config_choice, "9:11", refuses, "did you mean 'bundle'?"},
      {"file_of_another_protocol", "use=\"bundle\"", "use=\"programmer\"", errc::config_board_stage, "9:11", cannot_say,
       "a stage of rpiboot is given no programmer"},
      {"file_twice",
       "use=\"bundle\" path=\"bootfiles.bin\" "
       "sha256=\"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\"",
       "use=\"folder\" path=\"x\"", errc::config_board_stage, "6:4", cannot_say, "two files with use=\"folder\""},
      {"file_needed", "use=\"folder\"", "use=\"bundle\"", errc::config_board_stage, "6:4", cannot_say,
       "needs a <file use=\"folder\">"},
      {"file_path_empty", "path=\"bootfiles.bin\"", "path=\"\"", errc::config_path, "9:24"},
      {"digest_short", "sha256=\"00", "sha256=\"", errc::config_digest, "9:45"},
      {"digest_of_a_folder", "path=\"raspberrypi/gadget\"",
       "path=\"x\" sha256=\"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\"", errc::config_digest,
       "8:33", cannot_say, "a folder has no digest"},
      {"vendor_word", "vendor=\"false\"", "vendor=\"no\"", errc::config_boolean, "9:119"},
      {"stage_without_ids", "<usb vendor=\"0a5c\" product=\"2711\"/>", "", errc::config_board_stage, "6:4", cannot_say,
       "has no <usb> to be known by"},
      {"nothing_writes", "protocol=\"fastboot\" gap=\"30s\">",
       "protocol=\"sdp\" gap=\"30s\"><file use=\"image\" path=\"x\"/>", errc::config_board_stage, "11:4", cannot_say,
       "nothing can be written by it"},
      {"card_behind_a_stage",
       "protocol=\"fastboot\" gap=\"30s\">\n    <usb vendor=\"18D1\" product=\"4e40\" "
       "manufacturer=\"Raspberry Pi\"/>\n    <usb vendor=\"0525\" product=\"a4a5\"/>",
       "protocol=\"card\">", errc::config_board_stage, "11:4", cannot_say, "a card needs no stage before it"},
      {"card_with_ids", "protocol=\"fastboot\"", "protocol=\"card\"", errc::config_board_stage, "11:4", cannot_say,
       "card is no device with ids of its own"},
      {"firehose_without_sahara",
       "protocol=\"fastboot\" gap=\"30s\">\n    <usb vendor=\"18D1\" product=\"4e40\" "
       "manufacturer=\"Raspberry Pi\"/>\n    <usb vendor=\"0525\" product=\"a4a5\"/>",
       "protocol=\"firehose\">", errc::config_board_stage, "11:4", cannot_say, "sahara loads firehose"},
      {"stages_swapped", "protocol=\"rpiboot\"", "protocol=\"fastboot\"", errc::config_board_stage, "8:11", cannot_say},
      {"no_partition", " partition=\"mmcblk0\"", "", errc::config_board_storage, "15:4", cannot_say,
       "fastboot needs the partition"},
      {"memory_of_fastboot", "partition=\"mmcblk0\"", "partition=\"mmcblk0\" memory=\"emmc\"",
       errc::config_board_storage, "15:45", cannot_say, "only firehose has memories"},
      {"segment_small", "segment=\"64MiB\"", "segment=\"64KiB\"", errc::config_board_storage, "15:45", cannot_say},
      {"segment_unit", "segment=\"64MiB\"", "segment=\"64Mib\"", errc::config_size, "15:45"},
      {"verify_word", "verify=\"map\"", "verify=\"maps\"", errc::config_choice, "15:12", refuses,
       "did you mean 'map'?"},
      {"verify_not_by_fastboot", "verify=\"map\"", "verify=\"digest\"", errc::config_board_storage, "15:12", cannot_say,
       "verify=\"digest\" cannot be done over fastboot"},
      {"load_address", "0x40480000", "40480000", errc::config_number, "15:61"},
      {"defaults_word", "fit-gpt=\"true\"", "fit-gpt=\"1\"", errc::config_boolean, "16:27"},
      {"power_word", "cycle=\"true\"", "cycle=\"on\"", errc::config_boolean, "17:10"},
      {"text", "<defaults verify", "oops <defaults verify", errc::config_unexpected_text, "16:3"},
      {"wrong_root", "<recipe", "", errc::config_root, "3:2"},
      {"doctype", "<board name", "<!DOCTYPE board><board name", errc::config_doctype, "3:1", cannot_say},
  };
  return rows;
}

}  // namespace flashline::config
