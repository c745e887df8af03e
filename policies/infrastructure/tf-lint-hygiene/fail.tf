# As it was written for Terraform 0.11.
variable "name" {
  type = "string" # expect[quoted-type low certain]: the type of a variable stands in quotes, as in 1 more places of the module
}

variable "zones" {
  type = "list"
}

resource "aws_instance" "web" {
  count             = 2
  ami               = "${var.name}" # expect[interpolation low certain]: an expression is written as a string with one interpolation, as in 2 more places of the module
  availability_zone = "${element(var.zones, count.index)}"
  tags              = "${map("Name", var.name)}" # expect[removed-function low]: `list()` or `map()` is used, which has been removed
}

output "id" {
  value = aws_instance.web.0.id # expect[legacy-index low]: an element is taken by a dot, expected `[0]`
}
