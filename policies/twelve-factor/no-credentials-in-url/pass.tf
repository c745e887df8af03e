variable "password" {}

locals {
  url = "postgres://cart:${var.password}@db/cart"
  web = "https://www.example.com/cart?mail=a@b"
}
