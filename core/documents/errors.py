"""What can go wrong with a document, in words for the user."""


class DocumentError(Exception):
    """A document could not be made; the message is Chinese and may be shown."""


class AddressRefused(DocumentError):
    """A document asked for something other than prepared fonts, static files and the attachments given with it."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"文档引用了不允许的地址：{address}。只能使用预制字体、系统静态文件和随文提供的附件。")


class FontsMissing(DocumentError):
    """There is no font from which a Chinese document could be drawn."""
