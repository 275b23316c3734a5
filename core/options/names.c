/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * names - machines and devices that QEMU (2.7 to 10.0, x86) knows and this build may not have yet:
 * who asks for one is told so, and not that there is no such thing.  What a plugin brings is there,
 * whether it is listed here or not.
 */
#include "table.h"

#define VERSIONS(family)                                                                           \
    family "10.0|" family "9.2|" family "9.1|" family "9.0|" family "8.2|" family "8.1|" family    \
           "8.0|" family "7.2|" family "7.1|" family "7.0|" family "6.2|" family "6.1|" family     \
           "6.0|" family "5.2|" family "5.1|" family "5.0|" family "4.2|" family "4.1|" family     \
           "4.0.1|" family "4.0|" family "3.1|" family "3.0|" family "2.12|" family "2.11|" family \
           "2.10|" family "2.9|" family "2.8|" family "2.7|" family "2.6|" family "2.5|" family    \
           "2.4|" family "2.3|" family "2.2|" family "2.1|" family "2.0|" family "1.7|" family     \
           "1.6|" family "1.5|" family "1.4"

const char later_machines[] =
    "q35|" VERSIONS("pc-q35-") "|isapc|microvm|x-remote|"
                               "xenfv|xenfv-3.1|xenfv-4.2|xenpv|nitro-enclave";

const char later_devices[] =
    "AC97|ac97|acpi-erst|adlib|ahci|am53c974|amd-iommu|AMDVI-PCI|ati-vga|bochs-display|"
    "ccid-card-emulated|ccid-card-passthru|cirrus-vga|cs4231a|ctucan_pci|cxl-downstream|cxl-rp|"
    "cxl-type3|cxl-upstream|dc390|e1000|e1000-82540em|e1000-82544gc|e1000-82545em|e1000e|es1370|"
    "ES1370|floppy|gus|hda-duplex|hda-micro|hda-output|hv-syndbg|hyperv-testdev|i2c-ddc|i6300esb|"
    "i82550|i82551|i82557a|i82557b|i82557c|i82558a|i82558b|i82559a|i82559b|i82559c|i82559er|"
    "i82562|i82801|i82801b11-bridge|ib700|ich9-ahci|ich9-intel-hda|ich9-usb-ehci1|ich9-usb-ehci2|"
    "ich9-usb-uhci1|ich9-usb-uhci2|ich9-usb-uhci3|ich9-usb-uhci4|ich9-usb-uhci5|ich9-usb-uhci6|"
    "ide-cd|ide-drive|ide-hd|igb|intel-hda|intel-iommu|ioh3420|ipmi-bmc-extern|ipmi-bmc-sim|"
    "ipoctal232|isa-applesmc|isa-cirrus-vga|isa-fdc|isa-ide|isa-ipmi-bt|isa-ipmi-kcs|"
    "isa-vga|ivshmem|ivshmem-doorbell|ivshmem-plain|kvaser_pci|loader|lsi|lsi53c810|lsi53c895a|"
    "megasas|megasas-gen2|mioe3680_pci|mptsas1068|ne2k_isa|ne2k_pci|nec-usb-xhci|nvdimm|nvme|"
    "nvme-ns|nvme-subsys|pc-dimm|pci-assign|pci-bridge|pci-bridge-seat|pci-ipmi-bt|pci-ipmi-kcs|"
    "pci-ohci|pci-testdev|pcie-pci-bridge|pcie-root-port|"
    "pcm3680_pci|pcnet|piix3-ide|piix3-usb-uhci|piix4-ide|piix4-usb-uhci|pvpanic-pci|pvrdma|"
    "pvscsi|pxb|pxb-cxl|pxb-pcie|qemu-xhci|qxl|qxl-vga|ramfb|rocker|rtl8139|sb16|scsi-block|"
    "scsi-cd|scsi-disk|scsi-generic|scsi-hd|sd-card|sdhci-pci|secondary-vga|sga|smbus-ipmi|"
    "tpci200|tpm-crb|tpm-tis|tulip|u2f-passthru|ufs|ufs-lu|usb-audio|usb-bot|usb-braille|"
    "usb-bt-dongle|usb-ccid|usb-ehci|usb-host|usb-hub|usb-kbd|usb-mouse|usb-mtp|usb-net|usb-redir|"
    "usb-serial|usb-storage|usb-tablet|usb-uas|usb-wacom-tablet|vfio-pci|vfio-pci-nohotplug|VGA|"
    "vhost-scsi|vhost-scsi-pci|vhost-scsi-pci-non-transitional|vhost-scsi-pci-transitional|"
    "vhost-user-blk|vhost-user-blk-pci|vhost-user-blk-pci-non-transitional|"
    "vhost-user-blk-pci-transitional|vhost-user-fs-device|vhost-user-fs-pci|"
    "vhost-user-gpio-device|vhost-user-gpio-pci|vhost-user-gpu|vhost-user-gpu-pci|"
    "vhost-user-i2c-device|vhost-user-i2c-pci|vhost-user-input|vhost-user-input-pci|"
    "vhost-user-rng|vhost-user-rng-pci|vhost-user-scsi|vhost-user-scsi-pci|"
    "vhost-user-scsi-pci-non-transitional|vhost-user-scsi-pci-transitional|vhost-user-snd-pci|"
    "vhost-user-vga|vhost-user-vsock-device|vhost-user-vsock-pci|"
    "vhost-user-vsock-pci-non-transitional|vhost-vdpa-device-pci|vhost-vsock-device|"
    "vhost-vsock-pci|vhost-vsock-pci-non-transitional|virtio-9p|virtio-9p-device|"
    "virtio-9p-pci|virtio-9p-pci-non-transitional|virtio-9p-pci-transitional|virtio-balloon|"
    "virtio-balloon-device|virtio-balloon-pci|virtio-balloon-pci-non-transitional|"
    "virtio-balloon-pci-transitional|virtio-blk|virtio-blk-device|virtio-blk-pci|"
    "virtio-blk-pci-non-transitional|virtio-blk-pci-transitional|virtio-crypto-device|"
    "virtio-crypto-pci|virtio-gpu|virtio-gpu-device|virtio-gpu-gl|virtio-gpu-gl-pci|"
    "virtio-gpu-pci|virtio-input-host|virtio-input-host-device|virtio-input-host-pci|virtio-iommu|"
    "virtio-iommu-device|virtio-iommu-pci|virtio-keyboard|virtio-keyboard-device|"
    "virtio-keyboard-pci|virtio-mem|virtio-mem-pci|virtio-mouse|virtio-mouse-device|"
    "virtio-mouse-pci|virtio-net|virtio-net-device|virtio-net-pci|virtio-net-pci-non-transitional|"
    "virtio-net-pci-transitional|virtio-pmem|virtio-pmem-pci|virtio-rng|virtio-rng-device|"
    "virtio-rng-pci|virtio-rng-pci-non-transitional|virtio-rng-pci-transitional|virtio-scsi|"
    "virtio-scsi-device|virtio-scsi-pci|virtio-scsi-pci-non-transitional|"
    "virtio-scsi-pci-transitional|virtio-serial-device|virtio-sound-pci|"
    "virtio-tablet|virtio-tablet-device|virtio-tablet-pci|virtio-vga|virtio-vga-gl|"
    "vmbus-bridge|vmcoreinfo|vmgenid|vmmouse|vmware-svga|vmxnet3|x-pci-proxy-dev|x3130-upstream|"
    "xio3130-downstream";
