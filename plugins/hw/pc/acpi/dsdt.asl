// SPDX-License-Identifier: LGPL-2.1-or-later
//
// dsdt - what an operating system finds of an i440FX/PIIX4 board that it cannot ask the hardware for
// (ACPI specification 6.4, chapters 6 and 19; Intel 82371AB data sheet, 290562).
//
// What differs from one machine to the next is in a second table that acpi.c makes: the External
// names.

DefinitionBlock ("", "DSDT", 2, "TENON ", "I440FX  ", 1)
{
    External (\P32B, IntObj)            // PCI memory below 4 GiB: first byte, last byte
    External (\P32L, IntObj)
    External (\P64B, IntObj)            // and above; the same number twice: there is none
    External (\P64L, IntObj)
    External (\COMS, IntObj)            // bit n: COMn+1 is there
    External (\PVPP, IntObj)            // pvpanic's port, or 0

    Name (\_S5, Package () { 0, 0, 0, 0 })

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, Zero)

            Name (BASE, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0, 0x00, 0xFF, 0, 0x100)
                IO (Decode16, 0x0CF8, 0x0CF8, 0x01, 0x08)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0x0000, 0x0CF7, 0, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0, 0x000A0000, 0x000BFFFF, 0, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0, 0xE0000000, 0xFEBFFFFF, 0, 0x1EC00000, , , LOW)
            })
            Name (MORE, ResourceTemplate ()
            {
                QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0, 0x8000000000, 0x8FFFFFFFFF, 0, 0x1000000000, , , HIGH)
            })

            Method (_CRS, 0, Serialized)
            {
                CreateDWordField (BASE, ^LOW._MIN, LMIN)
                CreateDWordField (BASE, ^LOW._MAX, LMAX)
                CreateDWordField (BASE, ^LOW._LEN, LLEN)
                LMIN = \P32B
                LMAX = \P32L
                LLEN = \P32L - \P32B + 1
                If (\P64B == \P64L)
                {
                    Return (BASE)
                }
                CreateQWordField (MORE, ^HIGH._MIN, HMIN)
                CreateQWordField (MORE, ^HIGH._MAX, HMAX)
                CreateQWordField (MORE, ^HIGH._LEN, HLEN)
                HMIN = \P64B
                HMAX = \P64L
                HLEN = \P64L - \P64B + 1
                Return (ConcatenateResTemplate (BASE, MORE))
            }

            // Which link the pin of a slot leads to, as an element of _PRT.
            Method (LINK, 2, Serialized)
            {
                Local0 = (Arg0 << 16) | 0xFFFF
                If ((Arg0 == 1) && (Arg1 == 0))
                {
                    Return (Package () { 0x0001FFFF, 0, LNKS, 0 })
                }
                Switch (ToInteger ((Arg0 + Arg1 + 3) & 3))
                {
                    Case (0) { Local1 = Package () { 0, 0, LNKA, 0 } }
                    Case (1) { Local1 = Package () { 0, 0, LNKB, 0 } }
                    Case (2) { Local1 = Package () { 0, 0, LNKC, 0 } }
                    Default  { Local1 = Package () { 0, 0, LNKD, 0 } }
                }
                Local1 [0] = Local0
                Local1 [1] = Arg1
                Return (Local1)
            }

            Method (_PRT, 0, Serialized)
            {
                Local0 = Package (124) {}       // four pins of slots 1 to 31
                Local1 = 0
                While (Local1 < 124)
                {
                    Local0 [Local1] = LINK ((Local1 >> 2) + 1, Local1 & 3)
                    Local1++
                }
                Return (Local0)
            }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (PRQR, PCI_Config, 0x60, 0x04)
                Field (PRQR, ByteAcc, NoLock, Preserve)
                {
                    PRQA, 8, PRQB, 8, PRQC, 8, PRQD, 8
                }

                Device (PIC)
                {
                    Name (_HID, EisaId ("PNP0000"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0020, 0x0020, 0x00, 0x02)
                        IO (Decode16, 0x00A0, 0x00A0, 0x00, 0x02)
                        IO (Decode16, 0x04D0, 0x04D0, 0x00, 0x02)
                        IRQNoFlags () { 2 }
                    })
                }

                Device (TIMR)
                {
                    Name (_HID, EisaId ("PNP0100"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0040, 0x0040, 0x00, 0x04)
                        IRQNoFlags () { 0 }
                    })
                }

                Device (SPKR)
                {
                    Name (_HID, EisaId ("PNP0800"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0061, 0x0061, 0x00, 0x01)
                    })
                }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0070, 0x0070, 0x00, 0x02)
                        IRQNoFlags () { 8 }
                    })
                }

                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0060, 0x0060, 0x00, 0x01)
                        IO (Decode16, 0x0064, 0x0064, 0x00, 0x01)
                        IRQNoFlags () { 1 }
                    })
                }

                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IRQNoFlags () { 12 }
                    })
                }

                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 1)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x03F8, 0x03F8, 0x00, 0x08)
                        IRQNoFlags () { 4 }
                    })
                    Method (_STA) { Return (HAS (0)) }
                }

                Device (COM2)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 2)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x02F8, 0x02F8, 0x00, 0x08)
                        IRQNoFlags () { 3 }
                    })
                    Method (_STA) { Return (HAS (1)) }
                }

                Device (COM3)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 3)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x03E8, 0x03E8, 0x00, 0x08)
                        IRQNoFlags () { 4 }
                    })
                    Method (_STA) { Return (HAS (2)) }
                }

                Device (COM4)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 4)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x02E8, 0x02E8, 0x00, 0x08)
                        IRQNoFlags () { 3 }
                    })
                    Method (_STA) { Return (HAS (3)) }
                }

                // Is that serial port there?
                Method (HAS, 1)
                {
                    If (\COMS & (1 << Arg0))
                    {
                        Return (0x0F)
                    }
                    Return (0)
                }

                // Ports of the power management, so that nothing else is put there.
                Device (PMIO)
                {
                    Name (_HID, EisaId ("PNP0C02"))
                    Name (_UID, 1)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x00B2, 0x00B2, 0x00, 0x02)
                        IO (Decode16, 0xAFE0, 0xAFE0, 0x00, 0x04)
                        IO (Decode16, 0x0600, 0x0600, 0x00, 0x40)
                        IO (Decode16, 0x0700, 0x0700, 0x00, 0x10)
                    })
                }

                Device (PVPN)
                {
                    Name (_HID, "QEMU0001")
                    Name (PORT, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0000, 0x0000, 0x00, 0x01, HERE)
                    })
                    Method (_STA)
                    {
                        If (\PVPP)
                        {
                            Return (0x0F)
                        }
                        Return (0)
                    }
                    Method (_CRS, 0, Serialized)
                    {
                        CreateWordField (PORT, ^HERE._MIN, PMIN)
                        CreateWordField (PORT, ^HERE._MAX, PMAX)
                        PMIN = \PVPP
                        PMAX = \PVPP
                        Return (PORT)
                    }
                }
            }

            Device (FWCF)
            {
                Name (_HID, "QEMU0002")
                Name (_STA, 0x0B)
                Name (_CRS, ResourceTemplate ()
                {
                    IO (Decode16, 0x0510, 0x0510, 0x00, 0x0C)
                })
            }
        }

        // PCI interrupts: registers 60h to 63h of the ISA bridge hold the ISA interrupt; bit 7 cuts it
        // off.

        Name (CHOI, ResourceTemplate ()
        {
            Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
        })

        Method (LSTA, 1)
        {
            If (Arg0 & 0x80)
            {
                Return (0x09)
            }
            Return (0x0B)
        }

        Name (NOW, ResourceTemplate ()
        {
            Interrupt (ResourceConsumer, Level, ActiveHigh, Shared, , , LINE) { 0 }
        })

        Method (LCRS, 1, Serialized)
        {
            CreateDWordField (NOW, ^LINE._INT, NUMB)
            NUMB = 0
            If (!(Arg0 & 0x80))
            {
                NUMB = Arg0
            }
            Return (NOW)
        }

        // The interrupt in a template that _SRS is given.
        Method (LNUM, 1, Serialized)
        {
            CreateDWordField (Arg0, 0x05, NUMB)
            Return (NUMB)
        }

        Device (LNKA)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 1)
            Method (_PRS) { Return (CHOI) }
            Method (_STA) { Return (LSTA (\_SB.PCI0.ISA.PRQA)) }
            Method (_CRS) { Return (LCRS (\_SB.PCI0.ISA.PRQA)) }
            Method (_DIS) { \_SB.PCI0.ISA.PRQA |= 0x80 }
            Method (_SRS, 1) { \_SB.PCI0.ISA.PRQA = LNUM (Arg0) }
        }

        Device (LNKB)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 2)
            Method (_PRS) { Return (CHOI) }
            Method (_STA) { Return (LSTA (\_SB.PCI0.ISA.PRQB)) }
            Method (_CRS) { Return (LCRS (\_SB.PCI0.ISA.PRQB)) }
            Method (_DIS) { \_SB.PCI0.ISA.PRQB |= 0x80 }
            Method (_SRS, 1) { \_SB.PCI0.ISA.PRQB = LNUM (Arg0) }
        }

        Device (LNKC)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 3)
            Method (_PRS) { Return (CHOI) }
            Method (_STA) { Return (LSTA (\_SB.PCI0.ISA.PRQC)) }
            Method (_CRS) { Return (LCRS (\_SB.PCI0.ISA.PRQC)) }
            Method (_DIS) { \_SB.PCI0.ISA.PRQC |= 0x80 }
            Method (_SRS, 1) { \_SB.PCI0.ISA.PRQC = LNUM (Arg0) }
        }

        Device (LNKD)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 4)
            Method (_PRS) { Return (CHOI) }
            Method (_STA) { Return (LSTA (\_SB.PCI0.ISA.PRQD)) }
            Method (_CRS) { Return (LCRS (\_SB.PCI0.ISA.PRQD)) }
            Method (_DIS) { \_SB.PCI0.ISA.PRQD |= 0x80 }
            Method (_SRS, 1) { \_SB.PCI0.ISA.PRQD = LNUM (Arg0) }
        }

        // The power management's interrupt is wired to 9 for good.
        Device (LNKS)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 5)
            Name (SCI, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 9 }
            })
            Method (_PRS) { Return (SCI) }
            Method (_STA) { Return (0x0B) }
            Method (_CRS) { Return (SCI) }
            Method (_DIS) { }
            Method (_SRS, 1) { }
        }
    }
}
