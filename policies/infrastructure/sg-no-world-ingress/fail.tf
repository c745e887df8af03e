resource "aws_security_group" "web" {
  name = "web"

  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"] # expect[critical-port critical certain]: `aws_security_group.web` lets `0.0.0.0/0` in on port 22
  }

  ingress {
    from_port        = 8080
    to_port          = 8080
    protocol         = "tcp"
    ipv6_cidr_blocks = ["::/0"] # expect[port medium]: lets `::/0` in on port 8080
  }

  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"] # expect[http info]: on port 80
  }

  ingress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"] # expect[critical-port]: on all ports
  }

  ingress {
    from_port   = 3000
    to_port     = 4000
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"] # expect[critical-port]: on ports 3000 to 4000, 3306 among them
  }

  # From 443 on is more than 443.
  ingress {
    from_port   = 443
    to_port     = 444
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"] # expect[port]: on ports 443 to 444
  }

  dynamic "ingress" {
    for_each = [1]
    content {
      from_port   = 3389
      to_port     = 3389
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"] # expect[critical-port]: on port 3389
    }
  }
}

# Both halves are everything.
resource "aws_security_group_rule" "halves" {
  type              = "ingress"
  security_group_id = aws_security_group.web.id
  from_port         = 5432
  to_port           = 5432
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/1", "128.0.0.0/1"] # expect[critical-port]: `aws_security_group_rule.halves` lets `0.0.0.0/1` in on port 5432
}

resource "aws_vpc_security_group_ingress_rule" "all" {
  security_group_id = aws_security_group.web.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0" # expect[critical-port]: `aws_vpc_security_group_ingress_rule.all` lets `0.0.0.0/0` in on all ports
}

resource "aws_default_security_group" "default" {
  vpc_id = "vpc-1"

  ingress {
    from_port   = 0
    to_port     = 65535
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"] # expect[critical-port]: `aws_default_security_group.default` lets `0.0.0.0/0` in on all ports
  }
}

variable "ports" {
  default = [6379]
}

resource "aws_security_group_rule" "each" {
  for_each          = toset(["9200"])
  type              = "ingress"
  security_group_id = aws_security_group.web.id
  from_port         = each.value
  to_port           = each.value
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"] # expect[critical-port]: `aws_security_group_rule.each["9200"]` lets `0.0.0.0/0` in on port 9200
}

module "sg" {
  source  = "terraform-aws-modules/security-group/aws"
  version = "~> 5.0"

  ingress_cidr_blocks = ["0.0.0.0/0"] # expect[critical-port]: `module.sg` lets `0.0.0.0/0` in on port 22
  ingress_rules       = ["https-443-tcp", "ssh-tcp"]

  ingress_with_cidr_blocks = [
    {
      from_port   = 9000
      to_port     = 9000
      protocol    = "tcp"
      cidr_blocks = "0.0.0.0/0" # expect[port]: `module.sg` lets `0.0.0.0/0` in on port 9000
    },
  ]
}
