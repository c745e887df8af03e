# not-evaluated: which ports `aws_security_group.web` opens to the internet is not known
variable "port" {
  type = number
}

resource "aws_security_group" "web" {
  ingress {
    from_port   = var.port
    to_port     = var.port
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
