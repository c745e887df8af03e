# not-evaluated: from where `aws_security_group.web` lets something in is not known
variable "ranges" {
  type = list(string)
}

resource "aws_security_group" "web" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = var.ranges
  }
}
